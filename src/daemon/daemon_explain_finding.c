/* The numbers of a finding as a paragraph: what was seen since when, what is normal and how well that is known, how
 * large the difference is and how sure, what could have been seen at all, and how strong the evidence is. */
#include <yyjson.h>

#include "base_math.h"
#include "daemon_explain_room.h"

#define Z95 1.96

enum finding_form {
  FORM_SLOW,     /* seconds a request */
  FORM_SHARE,    /* so many of a hundred requests */
  FORM_RATE,     /* requests a second */
  FORM_BUNCHED,  /* requests a second, of which the mean says nothing */
  FORM_SIZE,     /* bytes a request */
  FORM_UNDER_WAY /* requests */
};

/* "SUBJECT before OBSERVED after from ONSET on ..." */
struct finding_words {
  const char *signal, *before, *after;
  enum finding_form form;
  const char *beside; /* what else the signal says, at the end of the sentence */
};

#define FAILED "failed ", " of its requests", FORM_SHARE
#define ANSWERED "answered in ", " on average", FORM_SLOW

static const struct finding_words finding_words[] = {
    {"requests_down", "got ", " requests a second", FORM_RATE, ""},
    {"requests_up", "got ", " requests a second", FORM_RATE, ""},
    {"latency", ANSWERED, ""},
    {"errors", FAILED, ""},
    {"unreachable", "gave no answer to ", " of its requests", FORM_SHARE, ""},
    {"timeouts", "gave no answer in time to ", " of its requests", FORM_SHARE, ""},
    {"overload", "turned away ", " of its requests to protect itself", FORM_SHARE, ""},
    {"client_errors", "answered ", " of its requests with a client error", FORM_SHARE, ""},
    {"denied", "denied ", " of its requests", FORM_SHARE, ""},
    {"throttled", "throttled ", " of its requests", FORM_SHARE, ""},
    {"cancelled", "lost ", " of its requests to clients that went away", FORM_SHARE, ""},
    {"retries", "had ", " of its requests retried", FORM_SHARE, ""},
    {"requests_erratic", "got ", " requests a second on average, but in bunches,", FORM_BUNCHED, ""},
    {"bytes", "moved ", " a request", FORM_SIZE, ""},
    {"hanging", "had ", " requests under way", FORM_UNDER_WAY, ""},
    {"errors_apart", FAILED, ", and more than its siblings in the same seconds"},
    {"latency_apart", ANSWERED, ", and slower than its siblings in the same seconds"},
    {"errors_drift", FAILED, ", and more than in its reference time"},
    {"latency_drift", ANSWERED, ", and slower than in its reference time"},
};

/* The finding's members, and in which words and scale they are told. */
struct finding {
  yyjson_val *json;
  const struct finding_words *words;
  struct base_str unit;
  double observed, baseline, effect; /* effect < 0: unknown */
  bool ascii;
};

static const struct finding_words *words_find(struct base_str signal) {
  for (size_t i = 0; i < sizeof finding_words / sizeof finding_words[0]; i++)
    if (str_eq(signal, str_of(finding_words[i].signal))) return &finding_words[i];
  return NULL;
}

/* False: it lacks what the paragraph cannot do without, or its signal came after this program. */
static bool finding_read(yyjson_val *incident, bool ascii, struct finding *f) {
  yyjson_val *v = yyjson_obj_get(incident, "finding");
  if (!explain_has_num(v, "observed") || !explain_has_num(v, "baseline")) return false;
  *f = (struct finding){.json = v, .words = words_find(explain_str(v, "signal")), .ascii = ascii};
  f->unit = explain_str(v, "unit");
  f->observed = explain_num(v, "observed");
  f->baseline = explain_num(v, "baseline");
  f->effect = f->baseline > 0 && explain_has_num(v, "effect") ? explain_num(v, "effect") : -1;
  return f->words != NULL;
}

/* "pod p of cart in east-1, called by front" */
static void put_subject(struct base_buf *b, yyjson_val *e) {
  static const char *const part[] = {"pod", "version", "route"};
  struct base_str service = explain_str(e, "service"), cluster = explain_str(e, "cluster"),
                  region = explain_str(e, "region"), caller = explain_str(e, "caller");
  if (!service.n) { /* a cluster, a region, the mesh: nothing is within them */
    explain_put_entity(b, e);
    return;
  }
  for (size_t p = 0; p < sizeof part / sizeof part[0]; p++) {
    struct base_str v = explain_str(e, part[p]);
    if (v.n) buf_put_f(b, "%s %.*s of ", part[p], STR_ARG(v));
  }
  buf_put_str(b, service);
  if (cluster.n || region.n) buf_put_f(b, " in %.*s", STR_ARG(cluster.n ? cluster : region));
  if (caller.n) buf_put_f(b, ", called by %.*s,", STR_ARG(caller));
}

static struct explain_scale scale_of(const struct finding *f, double value) {
  struct explain_scale s = explain_scale_of(f->unit, value, f->ascii);
  if (f->words->form == FORM_RATE || f->words->form == FORM_BUNCHED) s.text = ""; /* the words name it */
  return s;
}

static void put_normal(struct base_buf *b, const struct finding *f) {
  struct explain_scale scale = scale_of(f, f->baseline);
  double sd = explain_num(f->json, "baseline_sd"), n = explain_num(f->json, "baseline_requests");
  buf_put_str(b, STR(" where "));
  explain_put_measure(b, f->baseline, scale);
  if (sd > 0) {
    buf_put_str(b, f->ascii ? STR(" (+- ") : STR(" (\xc2\xb1 "));
    explain_put_number(b, sd * scale.scale, 2);
    buf_put_char(b, ')');
  }
  buf_put_str(b, STR(" is normal"));
  if (n < 1) return;
  buf_put_str(b, STR(", learned from "));
  explain_put_number(b, n, 3);
  buf_put_str(b, STR(" requests in "));
  explain_put_span(b, explain_num(f->json, "baseline_age_s"));
}

/* A multiple: as many digits as make a difference. */
static void put_times(struct base_buf *b, double r) {
  explain_put_number(b, r, r < 2 && r >= 1 ? 3 : 2);
}

static void put_as_times(struct base_buf *b, const struct finding *f, double effect) {
  (void)f;
  put_times(b, effect);
}

static void put_as_less(struct base_buf *b, const struct finding *f, double effect) {
  (void)f;
  explain_put_number(b, 100 * (1 - effect), 2);
}

/* The ends of the effect's interval by `put`, which falls with the effect where `falls`; nothing where they are not
 * known. */
static void put_interval(struct base_buf *b, const struct finding *f, bool falls,
                         void (*put)(struct base_buf *b, const struct finding *f, double effect)) {
  yyjson_val *pair = yyjson_obj_get(f->json, "effect_interval"), *low = yyjson_arr_get(pair, falls ? 1 : 0),
             *high = yyjson_arr_get(pair, falls ? 0 : 1);
  if (!yyjson_is_num(low) || !yyjson_is_num(high) || f->effect < 0) return;
  if (yyjson_get_num(low) == yyjson_get_num(high)) return;
  buf_put_str(b, STR(" ("));
  put(b, f, yyjson_get_num(low));
  buf_put_str(b, STR(" to "));
  put(b, f, yyjson_get_num(high));
  buf_put_char(b, ')');
}

/* Half the width of the 95 % interval of observed - baseline; < 0 where it is not known. The effect's interval is that
 * of the logarithm of a ratio; without the baseline's part of its variance, (sd / baseline)^2, what is left is the
 * observation's own. A ratio to a baseline near 0 has a wide interval even where the difference is known well. */
static double half_of_difference(const struct finding *f) {
  yyjson_val *pair = yyjson_obj_get(f->json, "effect_interval");
  double low = yyjson_get_num(yyjson_arr_get(pair, 0)), high = yyjson_get_num(yyjson_arr_get(pair, 1));
  double sd = explain_num(f->json, "baseline_sd");
  if (f->effect < 0 || low <= 0 || high <= low) return -1;
  double ratio = math_log(high / low) / (2 * Z95), own = ratio * ratio - sd * sd / (f->baseline * f->baseline);
  return Z95 * math_sqrt((own > 0 ? own : 0) * f->observed * f->observed + sd * sd);
}

static void put_points(struct base_buf *b, const struct finding *f) {
  bool more = f->observed >= f->baseline;
  double size = more ? f->observed - f->baseline : f->baseline - f->observed, half = half_of_difference(f);
  double most = more ? 1 - f->baseline : f->baseline; /* a share ends at 0 and 1 */
  buf_put_str(b, STR(": "));
  explain_put_number(b, 100 * size, 2);
  buf_put_str(b, more ? STR(" percentage points more") : STR(" percentage points less"));
  if (half < 0) return;
  double high = size + half < most || size > most ? size + half : most;
  buf_put_str(b, STR(" ("));
  explain_put_number(b, 100 * (size - half), 2);
  buf_put_str(b, STR(" to "));
  explain_put_number(b, 100 * high, 2);
  buf_put_char(b, ')');
}

static void put_effect(struct base_buf *b, const struct finding *f) {
  static const char *const more[] = {
      [FORM_SLOW] = "as slow", [FORM_RATE] = "as many", [FORM_SIZE] = "as much", [FORM_UNDER_WAY] = "as many"};
  static const char *const less[] = {
      [FORM_SLOW] = "less time", [FORM_RATE] = "fewer", [FORM_SIZE] = "less", [FORM_UNDER_WAY] = "fewer"};
  enum finding_form form = f->words->form;
  if (form == FORM_SHARE) {
    put_points(b, f);
  } else if (form == FORM_BUNCHED) {
    buf_put_str(b, STR(": from second to second their number varies far more than it did"));
  } else if (f->effect >= 1) {
    buf_put_str(b, STR(": "));
    put_times(b, f->effect);
    buf_put_f(b, " times %s", more[form]);
    put_interval(b, f, false, put_as_times);
  } else if (f->effect >= 0) {
    buf_put_str(b, STR(": "));
    put_as_less(b, f, f->effect);
    buf_put_f(b, " %% %s", less[form]);
    put_interval(b, f, true, put_as_less);
  }
}

static void put_seen(struct base_buf *b, const struct finding *f) {
  put_subject(b, yyjson_obj_get(f->json, "entity"));
  buf_put_f(b, " %s", f->words->before);
  explain_put_measure(b, f->observed, scale_of(f, f->observed));
  buf_put_f(b, "%s from ", f->words->after);
  explain_put_clock(b, explain_str(f->json, "onset"));
  buf_put_str(b, STR(" UTC on,"));
  put_normal(b, f);
  put_effect(b, f);
  buf_put_f(b, "%s.", f->words->beside);
}

/* In the measure of the effect: a multiple of what is normal. */
static void put_smallest(struct base_buf *b, const struct finding *f) {
  static const char *const what[] = {[FORM_SLOW] = "slow-down",
                                     [FORM_SHARE] = "share",
                                     [FORM_RATE] = "surge",
                                     [FORM_SIZE] = "growth",
                                     [FORM_UNDER_WAY] = "pile-up"};
  double smallest = explain_num(f->json, "smallest_effect");
  enum finding_form form = f->words->form;
  if (smallest <= 0 || form == FORM_BUNCHED) return;
  bool drop = form != FORM_SHARE && smallest < 1;
  buf_put_f(b, " The smallest %s that it could have shown in a minute is ", drop ? "drop" : what[form]);
  if (form == FORM_SHARE) {
    explain_put_measure(b, smallest * f->baseline, scale_of(f, smallest * f->baseline));
  } else if (drop) {
    explain_put_number(b, 100 * (1 - smallest), 2);
    buf_put_str(b, STR(" %"));
  } else {
    put_times(b, smallest);
    buf_put_str(b, STR(" times"));
  }
  buf_put_char(b, '.');
}

/* A multiple from its natural logarithm, as a power of ten: how many digits it has says enough. */
static void put_odds(struct base_buf *b, double log) {
  double tens = log / math_log(10);
  if (tens < 4)
    explain_put_number(b, math_exp(log), 2);
  else
    buf_put_f(b, "10^%d", (int)tens);
  buf_put_str(b, STR(" to 1"));
}

static void put_evidence(struct base_buf *b, const struct finding *f) {
  double log_e = explain_num(f->json, "log_e"), log_c = explain_num(f->json, "threshold");
  if (log_e <= 0 || log_c <= 0) return;
  buf_put_str(b, STR(" Evidence against mere chance: "));
  put_odds(b, log_e);
  buf_put_str(b, STR("; the budget of false alarms (one a week unless set otherwise) asks for "));
  put_odds(b, log_c);
  buf_put_str(b, STR(" over all that is watched."));
}

/* What a scrape tells may have begun at any time since the one before. */
static void put_pace(struct base_buf *b, const struct finding *f) {
  double pace_s = explain_num(f->json, "pace_s");
  if (pace_s <= 0) return;
  buf_put_str(b, STR(" Seen every "));
  explain_put_number(b, pace_s, 3);
  buf_put_str(b, STR(" s: it may have begun up to "));
  explain_put_number(b, pace_s, 3);
  buf_put_str(b, STR(" s later."));
}

void explain_finding(struct text *t, yyjson_val *incident) {
  struct explain_words l;
  struct base_buf *b = explain_words_new(&l);
  struct finding f;
  if (!finding_read(incident, t->ascii, &f)) return;
  put_seen(b, &f);
  put_pace(b, &f);
  put_smallest(b, &f);
  put_evidence(b, &f);
  text_wrap(t, "", buf_str(b));
}
