// Ways to provide a picture: choose one, draw on it, open, drop or paste a file, or use the camera.
import styles from "./picture_input.css";
import { h, canvas } from "./ui.js";
import { paintBytes } from "./colour.js";
import { button, segmented } from "./controls.js";
import { picture } from "./picture.js";
import { drawOnWhite, pictureSources, squareOf } from "./picture_sources.js";
import { resized } from "./resize.js";

const SIDE = 32;
const PENS = [
  ["black", [20, 22, 26]], ["white", [255, 255, 255]], ["brown", [107, 68, 35]],
  ["green", [63, 143, 63]], ["blue", [77, 143, 214]], ["red", [216, 72, 43]],
];

/** The CSS of these parts, to be added to that of the widget. */
export const pictureStyles = styles;

/**
 * The colours of the pen.
 * @param {(rgb: any) => void} chosen
 * @param {{value: any, text: string}} [first] another use of dragging, which is selected at first
 */
export function penChoice(chosen, first) {
  const colours = PENS.map(([name, rgb]) => ({
    value: rgb, name: first ? `Draw in ${name}` : name, text: h("span", { class: "pi-ink", style: `background:rgb(${rgb})` }),
  }));
  const options = first ? [first, ...colours] : colours;
  const pens = segmented("Pen", options, options[0].value, chosen);
  pens.node.classList.add("pi-pens");
  return pens;
}

/**
 * The central square of a picture as the network sees it.
 * @param {CanvasImageSource} source
 * @param {number} width
 * @param {number} height
 * @returns {Uint8Array} (32, 32, 3)
 */
export function seenInTheMiddle(source, width, height) {
  const surface = canvas();
  drawOnWhite(surface, source, width, height);
  const side = Math.min(width, height);
  return resized(squareOf(surface, (width - side) >> 1, (height - side) >> 1, side), side, side, SIDE);
}

/**
 * @param {{pictures: {name: string, pixels: Uint8Array}[], label: string, changed: (pixels: Uint8Array) => void, told:
 *     (text: string) => void}} options the pictures to choose from, 32×32×3 each; the accessible name of the picture;
 *     called with a new picture; and shows a problem, or nothing if the text is empty
 * @returns {{gallery: any, node: any, pens: any, undo: any, sources: any, set: (pixels: Uint8Array) => void, name: () =>
 *     string, reveal: () => void, listen: (root: HTMLElement) => void, close: () => void}} five elements for the widget
 *     to place; `set` shows a picture; `name` is that of the gallery's picture, until the reader changes it; `reveal`
 *     scrolls the gallery to the selected one; `listen` accepts files dropped or pasted anywhere on an
 *     element; `close` turns the camera off
 */
export function pictureInput({ pictures, label, changed, told }) {
  let pixels = new Uint8Array(SIDE * SIDE * 3);
  let ink = PENS[0][1];
  let last = null; // the pen's last position while drawing
  let cursor = [SIDE / 2, SIDE / 2];

  const past = []; // before each stroke, and before another picture
  const give = now => {
    undo.hidden = !past.length;
    set(now);
    changed(now);
  };
  const back = () => give(past.pop());
  const keep = () => past.push(pixels) && back;
  const undo = button("Undo", () => {
    stop();
    back();
    if (undo.hidden) shown.node.focus({ preventScroll: true });
  });
  undo.hidden = true;
  const choices = pictures.map(({ name, pixels: shown }, k) => {
    const text = canvas();
    paintBytes(text, shown, SIDE, SIDE);
    return { value: k, text, name };
  });
  const gallery = segmented("Pictures", choices, -1, k => {
    stop();
    told("");
    if (!pictures.some(isShown)) keep();
    give(pictures[k].pixels);
  });
  gallery.node.classList.add("pi-gallery");
  gallery.buttons.forEach((one, k) => one.setAttribute("title", pictures[k].name));

  const pens = penChoice(rgb => (ink = rgb));

  const shown = picture(`${label} Drag to draw on it, or move with the arrow keys and draw with the space bar.`, {
    rows: SIDE,
    columns: SIDE,
    moved(row, column, byPointer) {
      cursor = [row, column];
      shown.place(row, column);
      if (byPointer) draw(row, column);
      else point();
    },
  });
  shown.node.classList.add("pi-picture");
  shown.place(...cursor);
  const point = () => shown.mark(cursor[0] - 1, cursor[1] - 1, 3, 3);
  shown.node.addEventListener("focus", () => shown.node.matches(":focus-visible") && point());
  const lift = () => (last = null);
  shown.node.addEventListener("lostpointercapture", lift);
  shown.node.addEventListener("blur", () => shown.mark(0, 0, 0, 0));
  shown.node.addEventListener("keydown", event => {
    if (![" ", "Enter"].includes(event.key)) return;
    event.preventDefault();
    draw(...cursor);
    lift();
  });

  /** A stroke, three pixels wide, from the pen's last position. */
  function draw(row, column) {
    stop();
    if (!last) keep();
    const next = pixels.slice();
    const [y0, x0] = last ?? [row, column];
    const steps = Math.max(1, Math.abs(row - y0), Math.abs(column - x0));
    for (let step = 0; step <= steps; step++) {
      const y = Math.round(y0 + ((row - y0) * step) / steps);
      const x = Math.round(x0 + ((column - x0) * step) / steps);
      for (let v = Math.max(0, y - 1); v <= Math.min(SIDE - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(SIDE - 1, x + 1); u++) next.set(ink, (v * SIDE + u) * 3);
      }
    }
    last = [row, column];
    give(next);
  }

  const isShown = one => one.pixels.every((value, i) => value === pixels[i]);
  function set(now) {
    pixels = now;
    paintBytes(shown.canvas, now, SIDE, SIDE);
    gallery.set(pictures.findIndex(isShown));
  }

  const { node: sources, listen, stop } = pictureSources({
    target: shown.node,
    told,
    opened: (...one) => give(seenInTheMiddle(...one)),
    keep,
  });

  return {
    gallery: gallery.node,
    node: shown.node,
    pens: pens.node,
    undo,
    sources,
    set,
    name: () => pictures.find(isShown)?.name ?? "",
    reveal() {
      const button = gallery.node.querySelector("[aria-checked=true]");
      if (button) gallery.node.scrollLeft = button.offsetLeft - gallery.node.clientWidth / 2;
    },
    listen,
    close: stop,
  };
}
