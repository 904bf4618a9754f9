/* Learned numbers in 16 and 8 bits: v * one, rounded, saturating. Rounded to nearest, what is learned with a weight w
 * would stand still where a step moves it by less than 1 / (2 one). So the rounding point moves with `turn` (the number
 * of the window, say): a small step is taken now and then, and all is right on average. The same turns give the same
 * bits. */
#ifndef DETECT_FIXED_H
#define DETECT_FIXED_H

#include <stdint.h>

/* In [0, 1): the golden ratio's multiples, which fill the interval evenly. */
static inline double fixed_point(uint32_t turn) {
  return (double)(turn * 0x9e3779b9u >> 8) * 0x1p-24;
}

static inline uint16_t fixed_u16(double v, double one, uint32_t turn) {
  double r = v * one + fixed_point(turn);
  return r <= 0.0 ? 0 : r >= 65535.0 ? 65535u : (uint16_t)r;
}

static inline int16_t fixed_i16(double v, double one, uint32_t turn) {
  double r = v * one + 32768.0 + fixed_point(turn);
  return r <= 0.0 ? -32768 : r >= 65535.0 ? 32767 : (int16_t)((int32_t)r - 32768);
}

static inline uint8_t fixed_u8(double v, double one, uint32_t turn) {
  double r = v * one + fixed_point(turn);
  return r <= 0.0 ? 0 : r >= 255.0 ? 255u : (uint8_t)r;
}

/* To nearest: what is measured once, not learned. */
static inline uint16_t fixed_near(double v, double one) {
  double r = v * one + 0.5;
  return r <= 0.0 ? 0 : r >= 65535.0 ? 65535u : (uint16_t)r;
}

#endif
