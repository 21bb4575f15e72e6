"""What shuts people out of a page: controls without a name, targets too small, ids that stand twice, text too faint (WCAG 2.2 AA)."""

from playwright.sync_api import Page

_LOOK = """
() => {
  const wrong = [];
  const roots = [document];
  for (const one of document.querySelectorAll("*")) if (one.shadowRoot) roots.push(one.shadowRoot);
  const all = (selector) => roots.flatMap((root) => [...root.querySelectorAll(selector)]);
  const said = (one) => `<${one.localName}> ${(one.getAttribute("aria-label") ?? one.textContent ?? "").trim().slice(0, 40)}`;
  const seen = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && one.getClientRects().length > 0;
  const hidden = (one) => one.closest(".visually-hidden, .heard, .skip") !== null;
  const nameOf = (one) => {
    const text = (others) => others.map((other) => other?.textContent ?? "").join("").trim();
    const by = (one.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => one.getRootNode().getElementById(id));
    return one.getAttribute("aria-label") || text(by) || text([...(one.labels ?? [])]) || text([one]) || one.title;
  };
  for (const one of all("a[href], button, input:not([type=hidden]), select, textarea, summary")) {
    if (!seen(one) || hidden(one)) continue;
    if (!nameOf(one)) wrong.push(`no name: ${one.outerHTML.slice(0, 90)}`);
    const { width, height } = one.getBoundingClientRect();
    // A link inside a sentence may be as small as the sentence.
    if ((width < 24 || height < 24) && one.localName !== "a") wrong.push(`too small (${width}x${height}): ${said(one)}`);
  }
  for (const root of roots) {
    const ids = [...root.querySelectorAll("[id]")].map((one) => one.id);
    for (const id of new Set(ids.filter((one, place) => ids.indexOf(one) !== place))) wrong.push(`twice: #${id}`);
    for (const name of ["aria-labelledby", "aria-describedby", "aria-controls"]) {
      for (const one of root.querySelectorAll(`[${name}]`)) {
        for (const id of one.getAttribute(name).split(" ")) if (!root.getElementById(id)) wrong.push(`${name} names nothing: ${id}`);
      }
    }
  }
  let level = 0;
  for (const one of document.querySelectorAll("h1, h2, h3, h4")) {
    const now = Number(one.localName[1]);
    if (now > level + 1) wrong.push(`a heading is left out before ${said(one)}`);
    level = now;
  }
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not exactly one h1");
  if (document.querySelectorAll("main").length !== 1) wrong.push("not exactly one main");

  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const read = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return { red, green, blue, alpha: alpha / 255 };
  };
  const mixed = (top, bottom) => (name) => [name, top[name] * top.alpha + bottom[name] * (1 - top.alpha)];
  const over = (top, bottom) => Object.fromEntries(["red", "green", "blue"].map(mixed(top, bottom)));
  const grey = (value) => ({ red: value, green: value, blue: value });
  const above = (one) => one.parentElement ?? one.getRootNode().host ?? null;
  const behind = (one) => {
    if (one === null) return grey(matchMedia("(prefers-color-scheme: dark)").matches ? 18 : 255);
    const colour = read(getComputedStyle(one).backgroundColor);
    return colour.alpha === 1 ? colour : over(colour, behind(above(one)));
  };
  const light = ({ red, green, blue }) => {
    const part = (value) => (value / 255 <= .04045 ? value / 255 / 12.92 : ((value / 255 + .055) / 1.055) ** 2.4);
    return .2126 * part(red) + .7152 * part(green) + .0722 * part(blue);
  };
  for (const one of all("*")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
    if (!own || !seen(one) || hidden(one) || ["script", "style", "title", "option", "noscript"].includes(one.localName)) continue;
    const style = getComputedStyle(one);
    const back = behind(one);
    const [first, second] = [light(over(read(style.color), back)), light(back)].sort((a, b) => b - a);
    const ratio = (first + .05) / (second + .05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) wrong.push(`too faint (${ratio.toFixed(2)}): ${said(one)}`);
  }
  return wrong;
}
"""


def barriers(page: Page) -> list[str]:
    """What is wrong with the page as it is now, in light and in dark; without motion, for a colour on its way is none."""
    found = []
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        found += [f"{scheme}: {one}" for one in page.evaluate(_LOOK)]
    return found
