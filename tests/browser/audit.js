// SPDX-License-Identifier: Apache-2.0
// Evaluated in a page by check_pages.py: what is wrong with it for people who see, hear or move otherwise.
(() => {
  const wrong = [];
  const name = (node) => node.getAttribute("aria-label") || (node.getAttribute("aria-labelledby") || "").split(" ").map((id) => id && document.getElementById(id) && document.getElementById(id).textContent).join("") ||
    (node.labels && node.labels.length ? node.labels[0].textContent : "") || node.textContent.trim() || (node.querySelector("img") && node.querySelector("img").alt) || "";
  const seen = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const tell = (what, node) => wrong.push(`${what}: ${node.outerHTML.slice(0, 160)}`);

  if (document.documentElement.lang !== "en") wrong.push("no language");
  if (!/\w · Switchback$/.test(document.title)) wrong.push(`title: ${document.title}`);
  const heads = document.querySelectorAll("main h1");
  if (heads.length !== 1) wrong.push(`${heads.length} headings of the first level`);
  for (const kind of ["header", "nav", "main"]) if (document.querySelectorAll(kind).length !== 1) wrong.push(`not one ${kind}`);
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) wrong.push(`id twice: ${id}`);
  let level = 1;
  for (const head of [...document.querySelectorAll("main h1, main h2, main h3")].filter(seen)) {
    const own = Number(head.tagName[1]);
    if (own > level + 1) tell("heading leaves a level out", head);
    level = own;
  }

  for (const node of document.querySelectorAll("a[href], button, input, select, textarea, progress, summary, [tabindex='0']"))
    if (seen(node) && !name(node)) tell("without a name", node);
  for (const node of document.querySelectorAll("input, select, textarea")) if (seen(node) && !(node.labels && node.labels.length)) tell("without a label", node);
  for (const node of document.querySelectorAll("img")) if (!node.hasAttribute("alt")) tell("without alt", node);
  for (const node of document.querySelectorAll("svg[role=img]")) if (!node.getAttribute("aria-label")) tell("picture without words", node);
  for (const node of document.querySelectorAll("svg:not([role]):not([aria-hidden])")) tell("picture that says nothing and is not hidden", node);
  for (const node of document.querySelectorAll("table")) {
    if (!node.caption) tell("table without a caption", node);
    if ([...node.querySelectorAll("thead th")].some((cell) => cell.scope !== "col")) tell("head without scope", node);
  }
  for (const node of document.querySelectorAll("[style]")) if (!node.closest(".plot")) tell("inline style", node);
  if (document.querySelector("style, script:not([src])")) wrong.push("inline code or style");
  if (document.documentElement.scrollWidth > innerWidth) wrong.push(`${document.documentElement.scrollWidth} wide in ${innerWidth}`);

  // Contrast as it is on the screen: each text against what lies behind it.
  const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const parse = (text) => {
    const canvas = parse.canvas || (parse.canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true }));
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  for (const word of ["null", "undefined", "NaN", "[object Object]"])
    if (document.querySelector("main").innerText.split("\n").some((line) => line.trim() === word)) wrong.push(`says ${word}`);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !seen(node) || node.closest("noscript, :disabled, .skip, option")) continue;
    const style = getComputedStyle(node);
    const ink = parse(node instanceof SVGElement ? style.fill : style.color);
    const [light, dark] = [luminance(ink), luminance(ground(node))].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize), isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const contrast = (light + 0.05) / (dark + 0.05);
    texts++;
    if (contrast < (isLarge ? 3 : 4.5)) tell(`contrast ${contrast.toFixed(2)}`, node);
  }
  if (document.body.innerText.includes("could not be shown")) wrong.push(document.querySelector("main").innerText);
  if (texts < 3) wrong.push("hardly any text");
  return wrong;
})()
