#include "wire_preface.h"

#include "wire_prom_line.h"

static const struct base_str head = {"# target {", 10};

/* By enum wire_prom_form. */
static const struct base_str word[] = {{"text", 4}, {"openmetrics", 11}, {"protobuf", 8}};

static void quoted_write(struct base_buf *out, struct base_str s) {
  buf_put_char(out, '"');
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    if (c == '"' || c == '\\' || c == '\n') buf_put_char(out, '\\');
    buf_put_char(out, c == '\n' ? 'n' : c);
  }
  buf_put_char(out, '"');
}

static bool is_plain(struct base_str name) {
  struct prom_line l = {name.p, name.p + name.n, NULL};
  return name.n && prom_name(&l).n == name.n;
}

void wire_preface_labels(struct base_buf *out, const struct wire_label *label, uint32_t n) {
  bool first = true;
  buf_put_char(out, '{');
  for (uint32_t i = 0; i < n; i++) {
    if (label[i].value.n == 0) continue;
    if (!first) buf_put_char(out, ',');
    first = false;
    if (is_plain(label[i].key))
      buf_put_str(out, label[i].key);
    else
      quoted_write(out, label[i].key);
    buf_put_char(out, '=');
    quoted_write(out, label[i].value);
  }
  buf_put_char(out, '}');
}

void wire_preface_write(struct base_buf *out, struct base_str labels, enum wire_prom_form form) {
  buf_put_str(out, str_cut(head, 0, head.n - 1));
  buf_put_str(out, labels);
  buf_put_char(out, ' ');
  buf_put_str(out, word[form]);
  buf_put_char(out, '\n');
}

/* Without a word *form stays as it is. */
static bool form_read(struct prom_line *l, enum wire_prom_form *form, bool *said) {
  prom_blanks(l);
  struct base_str text = prom_word(l);
  prom_blanks(l);
  *said = text.n != 0;
  if (l->p != l->end) return false;
  for (unsigned i = 0; i < sizeof word / sizeof *word; i++) {
    if (!str_eq(text, word[i])) continue;
    *form = (enum wire_prom_form)i;
    return true;
  }
  return !*said;
}

static enum wire_status line_read(struct wire_sampler *m, struct base_str bytes, struct wire_preface *out,
                                  bool *said_form, struct wire_err *err) {
  size_t eol = str_find(bytes, '\n', 0);
  struct prom_line l = {bytes.p + head.n, bytes.p + eol, &m->common_text};
  struct base_str name = STR_NONE;
  uint32_t n;
  out->said = true;
  out->body = str_cut(bytes, eol + 1, bytes.n);
  bool good = prom_labels(&l, &name, m->common, WIRE_SAMPLE_LABELS, &n) && name.n == 0;
  good = good && n <= WIRE_SAMPLE_LABELS && !m->common_text.bad && form_read(&l, &out->form, said_form);
  if (!good) {
    *err = (struct wire_err){(size_t)(l.p - bytes.p), "a broken target line"};
    return WIRE_BAD;
  }
  m->common_n = n;
  return WIRE_OK;
}

enum wire_status wire_preface_read(struct wire_sampler *m, struct base_str bytes, enum wire_prom_form fallback,
                                   struct wire_preface *out, struct wire_err *err) {
  bool said_form = false;
  *out = (struct wire_preface){.form = fallback, .body = bytes};
  if (str_starts(bytes, head) && line_read(m, bytes, out, &said_form, err) != WIRE_OK) return WIRE_BAD;
  bool open = !said_form && out->form == WIRE_PROM_TEXT && wire_prom_is_openmetrics(out->body);
  if (open) out->form = WIRE_PROM_OPENMETRICS;
  return WIRE_OK;
}
