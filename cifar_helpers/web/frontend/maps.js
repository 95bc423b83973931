// A wall of maps on one canvas: hover, touch or arrow keys choose one.
import { h, canvas } from "./ui.js";
import { largest } from "./colour.js";
import { arrows, cellUnder, movable, stands } from "./controls.js";
import { clamp } from "./numbers.js";

/**
 * @param {string} label its accessible name
 * @param {{count: number, height: number, width: number, columns: number, gap?: number, words?: (map: number) => string,
 *     chosen: (map: number, row: number, column: number) => void, hovered?: (map: number | null) => void}} options how
 *     many maps of what size in how many columns, how many pixels between them; `words` name a map to screen readers;
 *     `chosen` hears of the map and of the pixel in it under the pointer (its middle after an arrow key); where there is
 *     `hovered`, a mouse that moves only hovers, and a press chooses
 * @returns {{node: any, canvas: HTMLCanvasElement, draw: (values: ArrayLike<number>, table: Uint8Array,
 *     limit?: number) => void, mark: (map: number) => void, boxOf: (map: number) => {left: number, top: number,
 *     width: number, height: number}}} `draw` takes (count, height, width); without `limit` each map has its own
 *     scale. `mark` frames a map, −1 none. `boxOf` gives shares of the node's size.
 */
export function mapGrid(label, { count, height, width, columns, gap = 1, words = map => `${map} of ${count}`, chosen, hovered }) {
  const rows = Math.ceil(count / columns);
  const surface = canvas(columns * (width + gap) - gap, rows * (height + gap) - gap);
  const frame = h("div", { class: "cw-frame", hidden: true });
  const node = h(
    "div",
    {
      class: "cw-picture cw-maps", ...movable("wall of maps"), "aria-label": `${label} Arrow keys choose one.`,
    },
    surface,
    frame,
  );
  stands(node, 0, count - 1, "none chosen");
  node.style.aspectRatio = `${surface.width} / ${surface.height}`;
  const full = count % columns;
  if (full) { // where there is no map, there is nothing
    const [x, y] = [(full * (width + gap)) / surface.width, ((rows - 1) * (height + gap)) / surface.height];
    const [end, right, low] = ["calc(100% + 1px)", `${x * 100}%`, `${y * 100}%`];
    const corner = `${end} ${low}, ${right} ${low}, ${right} ${end}`;
    surface.style.clipPath = `polygon(-1px -1px, ${end} -1px, ${corner}, -1px ${end})`;
  }
  let current = 0;
  let marked = -1;
  /** @type {ImageData | undefined} */
  let image;
  const boxOf = map => ({
    left: ((map % columns) * (width + gap)) / surface.width,
    top: (Math.floor(map / columns) * (height + gap)) / surface.height,
    width: width / surface.width,
    height: height / surface.height,
  });
  node.style.touchAction = "pan-y"; // a wall may fill a telephone's screen, which must still scroll
  const under = event => {
    const [y, x] = cellUnder(node, event, surface.height, surface.width);
    const map = Math.floor(y / (height + gap)) * columns + Math.floor(x / (width + gap));
    return { map, row: Math.min(y % (height + gap), height - 1), column: Math.min(x % (width + gap), width - 1) };
  };
  // At once and not when the frame is drawn: a second key may come before it.
  const pick = (map, row, column) => {
    if (map < 0 || map >= count) return;
    current = map;
    stands(node, map, count - 1, words(map));
    chosen(map, row, column);
  };
  const choose = event => {
    const { map, row, column } = under(event);
    pick(map, row, column);
  };
  let before = 0; // a touch that turns out to scroll the page puts the choice back
  node.addEventListener("pointerdown", event => {
    if (event.button) return; // of a menu, or to scroll
    before = current;
    choose(event);
  });
  node.addEventListener("pointercancel", () => pick(before, Math.floor(height / 2), Math.floor(width / 2)));
  node.addEventListener("pointermove", event => {
    if (!hovered || event.buttons & 1) choose(event);
    else if (under(event).map < count) hovered(under(event).map);
  });
  node.addEventListener("pointerleave", () => hovered?.(null));
  arrows(node, (down, right) => {
    const [row, column] = [Math.floor(current / columns), current % columns];
    const to = (by, from, last) => (Math.abs(by) < 1e6 ? from + Math.sign(by) : by > 0 ? last : 0);
    const y = to(down, row, Math.floor((count - 1 - column) / columns));
    const x = to(right, column, Math.min(columns, count - row * columns) - 1);
    pick(y * columns + x, Math.floor(height / 2), Math.floor(width / 2));
  });
  return {
    node,
    canvas: surface,
    boxOf,
    mark(map) {
      if (map === marked) return;
      marked = map;
      frame.hidden = map < 0;
      if (map < 0) return;
      current = map;
      stands(node, map, count - 1, words(map));
      const box = boxOf(map);
      frame.style.cssText = [
        `left:${box.left * 100}%`, `top:${box.top * 100}%`,
        `width:${box.width * 100}%`, `height:${box.height * 100}%`,
      ].join(";");
    },
    draw(values, table, limit) {
      const context = /** @type {CanvasRenderingContext2D} */ (surface.getContext("2d"));
      image ??= context.createImageData(surface.width, surface.height);
      const { data } = image;
      for (let map = 0; map < count; map++) {
        const from = map * height * width;
        const scale = limit ?? largest(values, from, height * width);
        const [top, left] = [Math.floor(map / columns) * (height + gap), (map % columns) * (width + gap)];
        for (let y = 0, i = from; y < height; y++) {
          for (let x = 0, o = ((top + y) * surface.width + left) * 4; x < width; x++, i++, o += 4) {
            const k = Math.round(clamp(values[i] / scale, -1, 1) * 255 + 255) * 3; // as `at`
            data[o] = table[k];
            data[o + 1] = table[k + 1];
            data[o + 2] = table[k + 2];
            data[o + 3] = 255;
          }
        }
      }
      context.putImageData(image, 0, 0);
    },
  };
}
