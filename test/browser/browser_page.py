"""A browser for the page's tests: Debian's Chromium, every error that the page tells, pictures under build/browser."""
import base64
import os

import axe_playwright_python
from playwright.sync_api import sync_playwright

LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "is_mobile": True, "has_touch": True,
              "device_scale_factor": 2},
    "wall": {"viewport": {"width": 1920, "height": 1080}, "color_scheme": "dark"},
}
# Contrast of every visible text with what is painted behind it (WCAG 2.2, 1.4.3), and names of what can be operated.
CHECKS = """() => {
  const light = (c) => c.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = (c) => { const [r, g, b] = light(c); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const parse = (text) => { const v = text.match(/[\\d.]+/g).map(Number); return { c: v.slice(0, 3), a: v[3] ?? 1 }; };
  const behind = (e) => {
    const over = [];
    for (let at = e; at; at = at.parentElement) {
      const b = parse(getComputedStyle(at).backgroundColor);
      if (b.a > 0) over.push(b);
      if (b.a === 1) break;
    }
    return over.reverse().reduce((under, o) => under.map((v, k) => v * (1 - o.a) + o.c[k] * o.a), [255, 255, 255]);
  };
  const wrong = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()), box = e.getBoundingClientRect();
    if (!own || e.closest('svg, canvas, .hidden, .skip, :disabled') || box.width < 2 || box.height < 2) continue;
    const style = getComputedStyle(e), a = luminance(parse(style.color).c), b = luminance(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), size = parseFloat(style.fontSize);
    if (ratio < (size >= 24 || (size >= 18.6 && style.fontWeight >= 700) ? 3 : 4.5))
      wrong.push(`contrast ${ratio.toFixed(2)} of "${e.textContent.trim().slice(0, 40)}"`);
  }
  for (const e of document.querySelectorAll('a, button, input, select, [role=button], [role=img], [tabindex="0"]')) {
    const label = e.closest('label')?.textContent ?? '';
    if (!(e.getAttribute('aria-label') ?? (e.textContent.trim() || label.trim() || e.title)))
      wrong.push(`no name: ${e.outerHTML.slice(0, 80)}`);
  }
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) wrong.push(`${wide} pixels wider than the window`);
  return [...new Set(wrong)];
}"""

# axe-core's rules of WCAG 2.2, levels A and AA.
AXE = os.path.join(os.path.dirname(axe_playwright_python.__file__), "axe.min.js")
AXE_RUN = """async () => {
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  const found = await axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] });
  return found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${v.help}: ${n.html.slice(0, 120)}`));
}"""


# What a picture holds: its size, its corner's colour, and the shares of it that are dark, and coloured.
LOOK_AT = """async ([url, width]) => {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = document.createElement('canvas'), scale = width ? width / image.width : 1;
  canvas.width = image.width * scale;
  canvas.height = image.height * scale;
  const ctx = canvas.getContext('2d', { willReadFrequently: true });
  ctx.drawImage(image, 0, 0, canvas.width, canvas.height);
  const all = ctx.getImageData(0, 0, canvas.width, canvas.height).data;
  let ink = 0, colour = 0;
  for (let k = 0; k < all.length; k += 4) {
    const [r, g, b] = [all[k], all[k + 1], all[k + 2]];
    ink += r + g + b < 384;
    colour += Math.max(r, g, b) - Math.min(r, g, b) > 64;
  }
  const n = all.length / 4;
  return { width: image.width, height: image.height, corner: [...all.slice(0, 4)], ink: ink / n, colour: colour / n };
}"""


class Browser:
    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.errors = folder, []
        with open(AXE, encoding="utf-8") as file:
            self.axe = file.read()
        self.playwright = sync_playwright().start()
        self.chromium = self.playwright.chromium.launch(executable_path="/usr/bin/chromium",
                                                        args=["--no-sandbox", "--disable-dev-shm-usage"])

    def page(self, url, look="light", **more):
        """A page of its own. What it says in the console as an error is kept, but for requests without an answer."""
        context = self.chromium.new_context(**LOOKS[look], **more)
        context.set_default_timeout(60000)
        page = context.new_page()
        page.on("pageerror", lambda e: self.errors.append(str(e)))
        page.on("console", lambda m: m.type == "error" and "ERR_" not in m.text and "status of" not in m.text
                and self.errors.append(m.text))
        page.goto(url)
        return page

    def wrong(self, page):
        """What our own checks and axe-core's have to say of what is shown; nothing where it is all right."""
        if not page.evaluate("() => 'axe' in window"):
            page.evaluate(self.axe)
        return page.evaluate(CHECKS) + page.evaluate(AXE_RUN)

    def picture(self, page, name, whole=True):
        page.screenshot(path=os.path.join(self.folder, name + ".png"), full_page=whole)

    def look_at(self, png, width=None):
        """LOOK_AT of a file or of bytes, drawn so wide."""
        if isinstance(png, str):
            with open(png, "rb") as file:
                png = file.read()
        page = self.chromium.new_page()
        try:
            return page.evaluate(LOOK_AT, ["data:image/png;base64," + base64.b64encode(png).decode(), width])
        finally:
            page.close()

    def close(self):
        self.chromium.close()
        self.playwright.stop()
