// A view as a picture, made by the browser itself: the view inside an SVG, that drawn on a canvas. Nothing leaves the page.
const HTML = "http://www.w3.org/1999/xhtml", SVG = "http://www.w3.org/2000/svg";
const SCALE = 2, SIDE_MAX = 16000; // pixels; what canvases can be

/** What is drawn on canvases is not in the document: images of it take their places. */
function drawingsCopy(from: Element, to: Element): void {
  const copies = [...to.querySelectorAll("canvas")];
  from.querySelectorAll("canvas").forEach((canvas, k) => {
    const image = document.createElement("img"), box = canvas.getBoundingClientRect();
    image.src = canvas.toDataURL();
    image.style.cssText = `display: block; width: ${box.width}px; height: ${box.height}px`;
    copies[k]?.replaceWith(image);
  });
}

/** The view as an SVG of that size. Its root stands for the page's: what rules say of that is said of it. */
function svgOf(view: Element, width: number, height: number): string {
  const root = document.documentElement, svg = document.createElementNS(SVG, "svg"), box = document.createElementNS(SVG, "foreignObject");
  const html = document.createElementNS(HTML, "html"), body = document.createElementNS(HTML, "body"), copy = view.cloneNode(true) as Element;
  const rules = [...document.querySelectorAll("style")].map((s) => s.textContent).join("\n");
  drawingsCopy(view, copy);
  copy.querySelectorAll(".noprint").forEach((e) => e.remove());
  const style = document.createElementNS(HTML, "style");
  style.textContent = rules;
  body.append(style, copy);
  html.append(body);
  box.append(html);
  svg.append(box);
  for (const e of [svg, box]) {
    e.setAttribute("width", String(width));
    e.setAttribute("height", String(height));
  }
  svg.setAttribute("class", root.className);
  svg.setAttribute("data-theme", root.dataset.theme ?? "light");
  svg.style.fontSize = getComputedStyle(root).fontSize;
  return new XMLSerializer().serializeToString(svg);
}

/** A PNG of the view as it stands, two pixels for one. Fails where the browser does not let a page draw itself. */
export async function pictureOf(view: Element): Promise<Blob> {
  const seen = view.getBoundingClientRect(), width = Math.ceil(seen.width), height = Math.ceil(seen.height);
  const image = new Image(), canvas = document.createElement("canvas"), scale = Math.min(SCALE, SIDE_MAX / Math.max(width, height));
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgOf(view, width, height))}`;
  await image.decode();
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const ctx = canvas.getContext("2d");
  if (ctx) ctx.fillStyle = getComputedStyle(document.documentElement).backgroundColor;
  ctx?.fillRect(0, 0, canvas.width, canvas.height);
  ctx?.scale(scale, scale);
  ctx?.drawImage(image, 0, 0);
  return new Promise((good, bad) => canvas.toBlob((b) => b ? good(b) : bad(new Error("no picture")), "image/png"));
}

/** Hands the browser something to save. */
export function save(what: Blob, name: string): void {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(what);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10000);
}
