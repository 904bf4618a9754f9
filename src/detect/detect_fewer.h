/* Fewer than a rate that wanders by itself should give: the evidence of a whole run of seconds at once.
 *
 * x requests came where m were expected, both in groups (divided by their overdispersion). The null: x is Poisson with
 * mean W m, and the wander W is gamma with mean 1 and variance w, drawn once for the run, which is as far as it can
 * take a run. The alternatives: Poisson with mean k m, k of 0.05, 0.2 and 0.5 alike likely. With a = 1 / w,
 *
 *   ln E W^x exp(-W m) = a ln a - (a + x) ln(a + m) + ln Gamma(a + x) - ln Gamma(a)
 *   evidence           = ln mean_k k^x exp(-k m)  -  that
 *
 * which is the logarithm of an e-value for whole x. A likelihood that is summed second by second must grant the wander
 * anew to each second; here what a run has shown of its own wander is part of it, so deep falls of rates that wander
 * much are shown in a few times 1 / w requests, and mild ones never: the evidence for any k ends at that of the gamma's
 * tail, (k - 1 - ln k) / w. */
#ifndef DETECT_FEWER_H
#define DETECT_FEWER_H

/* Nats; x >= 0, m >= 0, w >= 0 (taken as 1e-5 where it is less, as 1 where it is more). 0 where both are 0. To 1e-2
 * nats; three exponentials, three logarithms. */
double detect_fewer(double x, double m, double w);

/* The largest share of m that would be evidence of so many nats (> 0); 0 where not even none at all would be. */
double detect_fewer_smallest(double nats, double m, double w);

#endif
