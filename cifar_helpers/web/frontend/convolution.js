// A convolution and how it is shown: its arithmetic, the window on its picture, and the line from pixels to their sum.
import { h, canvas, write } from "./ui.js";
import { at, css, grey, inkOn, paint } from "./colour.js";
import { bare, clamp, fixed, show } from "./numbers.js";
import { cellUnder, field, segmented } from "./controls.js";
import { numberGrid } from "./grid.js";
import { picture } from "./picture.js";

const GLIDE = 150; // ms, as in the styles
const IS_TOUCHED = matchMedia("(pointer: coarse)").matches; // up and down a finger scrolls the page
/** A sum nearer to zero than this counts as near zero. */
export const NEAR = 0.1;
const MARGIN = 4; // pixels by which the wires' canvas goes beyond the stage: a frame at its edge is whole
/** Lines of a frame: colour, width, how far outside, radius of the corners. */
const FRAME = [["#16181d", 2, 2.5, 4.5], ["#fff", 1.5, 0.75, 2.75], ["#fff8", 1, -0.5, 1]];
const GHOST = [["#fff", 3.5, 0, 2]];
const DASHES = [["#16181d", 1.5, 0, 2]];
const TICK = [["#fff", 2, 1.5, 1], ["#16181d", 2, 0, 0]];
const PIXEL = [["#16181d", 1, 0.5, 0], ["#fff", 1, -0.5, 0]];
const SHORT = { "Sobel, vertical edges": "Sobel │", "Sobel, horizontal edges": "Sobel ─" };

const BALANCE = "Near 0: both sides balance.";
/** What the sums of a kernel say: one sentence, or one each for a positive, a negative and a small sum. */
const MEANINGS = {
  identity: ["Each sum is the pixel in the middle itself."],
  blur: ["Each sum is the mean of the nine pixels."],
  sharpen: ["Each pixel's difference from its neighbours is exaggerated."],
  "Sobel, vertical edges": ["Positive: brighter on the right.", "Negative: brighter on the left.", BALANCE],
  "Sobel, horizontal edges": ["Positive: brighter below.", "Negative: brighter above.", BALANCE],
  emboss: ["A relief: bright areas are raised, with light from the upper left."],
  "blur, 5 × 5": ["Each sum is the mean of the 25 pixels."],
  "Gaussian, 5 × 5": ["Each sum is a mean in which pixels near the middle count more."],
};
const PART = { 1: 0, "-1": 1, 0: 2 }; // of such a meaning, by the sign of the sum

/**
 * @typedef {{padding: number, stride: number, dilation: number}} Sliding how a kernel moves over a picture
 * @typedef {{values: any, height: number, width: number}} Plane
 */

/** Its traits. @param {any} model @returns {Sliding} */
export function slidingOf(model) {
  return { padding: model.get("padding"), stride: model.get("stride"), dilation: model.get("dilation") };
}

/** How many pixels a kernel spans, gaps included. @param {number} side @param {number} dilation */
export function spanOf(side, dilation) {
  return dilation * (side - 1) + 1;
}

/**
 * Pixels along one side of the output, 0 where the kernel does not fit.
 * @param {number} pixels @param {number} side @param {Sliding} sliding
 */
export function outputSize(pixels, side, { padding, stride, dilation }) {
  return Math.max(0, Math.floor((pixels + 2 * padding - spanOf(side, dilation)) / stride) + 1);
}

/**
 * The size of the output in words and in numbers, one below the other; the span only where there are gaps.
 * @param {number} pixels @param {number} side @param {Sliding} sliding
 */
export function sizeFormula(pixels, side, sliding) {
  const { padding, stride, dilation } = sliding;
  const span = spanOf(side, dilation);
  const spread = dilation > 1;
  return [ // with spaces where a line may break
    ...(spread ? [`span = dilation ×_(kernel_−_1)_+_1 = ${span}`] : []),
    `⌊(size_+_2·padding −_${spread ? "span" : "kernel"})_/_stride⌋_+_1`,
    `= ⌊(${pixels}_+_2·${padding}_−_${span})_/_${stride}⌋_+_1 = ${outputSize(pixels, side, sliding)}`,
  ].map(text => h("div", {}, text.replaceAll("_", "\u00a0")));
}

/**
 * The numbers under a kernel at one place of the output; null for padding.
 * @param {Plane} image @param {number} side @param {Sliding} sliding @param {number} row @param {number} column
 */
export function windowAt(image, side, { padding, stride, dilation }, row, column) {
  const seen = [];
  for (let k = 0; k < side * side; k++) {
    const y = row * stride - padding + Math.floor(k / side) * dilation;
    const x = column * stride - padding + (k % side) * dilation;
    const isInside = y >= 0 && x >= 0 && y < image.height && x < image.width;
    seen.push(isInside ? image.values[y * image.width + x] : null);
  }
  return seen;
}

/**
 * What deep learning calls convolution: the kernel is not flipped.
 * @param {Plane} image @param {number[]} kernel @param {Sliding} sliding @returns {Plane}
 */
export function convolve(image, kernel, sliding) {
  const side = Math.sqrt(kernel.length);
  const [height, width] = [image.height, image.width].map(size => outputSize(size, side, sliding));
  const values = new Float64Array(height * width);
  for (let o = 0; o < values.length; o++) {
    const seen = windowAt(image, side, sliding, Math.floor(o / width), o % width);
    for (let k = 0; k < kernel.length; k++) values[o] += (seen[k] ?? 0) * kernel[k];
  }
  return { values, height, width };
}

/**
 * The numbers but for the rim, where zeros beyond the edge make some that would pale all others.
 * @param {Plane} output @param {Sliding} sliding
 */
export function innerOf({ values, height, width }, { padding, stride }) {
  const rim = Math.ceil(padding / stride);
  const isInner = (place, size) => place >= rim && place < size - rim;
  const inner = values.filter((_, k) => isInner(Math.floor(k / width), height) && isInner(k % width, width));
  return inner.length ? inner : values;
}

/** −1, 0 or 1: what is near zero counts as zero. @param {number} value @param {number} [near] */
export const signOf = (value, near = NEAR) => (Math.abs(value) < near ? 0 : Math.sign(value));

/**
 * Each product rounded by itself, so that it stays as it is when another number of the kernel changes.
 * @param {(number | null)[]} seen of `windowAt` @param {number[]} weights
 */
export const roundedProducts = (seen, weights) => weights.map((weight, k) => +(weight * (seen[k] ?? 0)).toFixed(2));

/** Numbers that nearly cancel make a map with a sign; all others make a picture. @param {number[]} kernel */
export function isSigned(kernel) {
  const sum = kernel.reduce((a, b) => a + b, 0);
  return sum < 0 || sum < 0.1 * kernel.reduce((a, b) => a + Math.abs(b), 0);
}

/** A kernel with zeros around it, or its outer numbers cut off. @param {number[]} kernel @param {number} side */
export function resized(kernel, side) {
  const old = Math.sqrt(kernel.length);
  const image = { values: kernel, height: old, width: old };
  return windowAt(image, side, { padding: (side - old) / 2, stride: 1, dilation: 1 }, 0, 0).map(v => v ?? 0);
}

/**
 * How the kernel slides, as segmented choices to be folded.
 * @param {any} model
 * @param {Record<string, number[]>} wanted values of traits
 * @param {Sliding} plain of which the folded choices say nothing
 * @param {(values: Record<string, number>) => void} chosen
 */
export function slidingFields(model, wanted, plain, chosen) {
  const summary = h("summary", {}, "Padding, stride, dilation");
  const title = summary.textContent;
  const fields = Object.entries(wanted).map(([trait, values]) => {
    const label = trait[0].toUpperCase() + trait.slice(1);
    const options = values.map(value => ({ value, text: String(value) }));
    const choice = segmented(label, options, model.get(trait), value => chosen({ [trait]: value }));
    return { trait, choice, node: field(label, choice) };
  });
  return {
    summary,
    nodes: fields.map(part => part.node),
    refresh() {
      for (const { trait, choice } of fields) choice.set(model.get(trait));
      const isPlain = fields.every(({ trait }) => model.get(trait) === plain[trait]);
      write(summary, isPlain ? title : title.replace(/\w+/g, word => `${word}\u00a0${model.get(word.toLowerCase())}`));
    },
  };
}

/** How many numbers of two kernels differ. @param {number[]} kernel @param {number[]} other */
export function differing(kernel, other) {
  return kernel.filter((v, k) => v !== other[k]).length;
}

/** The number of a kernel that has its full colour; a blur is paler than an edge. @param {number[]} kernel */
const fullColour = kernel => Math.max(0.2, ...kernel.map(Math.abs));

/** A kernel as a small picture: `draw(kernel, colours)`. */
export function glyph() {
  const surface = canvas(3, 3);
  return {
    node: h("span", { class: "cv-glyph" }, surface),
    /** @param {number[]} kernel @param {Uint8Array} table */
    draw(kernel, table) {
      const side = Math.sqrt(kernel.length);
      const limit = fullColour(kernel);
      paint(surface, side, side, k => at(table, kernel[k] / limit));
    },
  };
}

/**
 * Kernels to start from.
 * @param {Record<string, number[][]>} presets @param {(kernel: number[], name: string) => void} chosen
 */
export function kernelChips(presets, chosen) {
  // A larger version comes where the smaller one would be.
  const names = Object.keys(presets);
  const order = name => (names.indexOf(name.replace(/, \d × \d$/, "")) + names.length + 1) % (names.length + 1);
  const chips = [...names].sort((a, b) => order(a) - order(b)).map(name => {
    const rows = presets[name];
    const [image, kernel] = [glyph(), rows.flat()];
    const text = SHORT[name] ?? name.split(",")[0];
    const properties = { type: "button", class: "cw-chip", "aria-label": name, onclick: () => chosen(kernel, name) };
    return { name, image, kernel, node: h("button", properties, image.node, text) };
  });
  /** @type {Uint8Array | undefined} */
  let drawn;
  return {
    node: h("div", { class: "cv-chips", role: "group", "aria-label": "Kernels to start from" }, chips.map(c => c.node)),
    /**
     * Marks the kernel in use, and shows what fits its size.
     * @param {number[]} now @param {Uint8Array} table @returns {string} its name, if it is one of those shown
     */
    set(now, table) {
      const side = Math.sqrt(now.length);
      let used = "";
      for (const { name, image, kernel, node } of chips) {
        const larger = kernel.length < now.length && `${name}, ${side} × ${side}` in presets;
        node.hidden = larger || kernel.length > now.length;
        const isUsed = resized(kernel, side).every((v, k) => Math.abs(v - now[k]) < 1e-5);
        node.setAttribute("aria-pressed", isUsed);
        if (isUsed && !node.hidden) used = name;
        if (drawn !== table) image.draw(kernel, table);
      }
      drawn = table;
      return used;
    },
  };
}

/** What the sums of a kernel to start from say. */
export function meaning() {
  const node = h("p", { class: "cv-meaning" });
  let said = "";
  return {
    node,
    /** @param {string} name of the kernel, empty for any other @param {number} sign of the sum, whose part is marked */
    set(name, sign) {
      const texts = MEANINGS[name] ?? [];
      if (said !== name) node.replaceChildren(...texts.flatMap(text => [h("span", {}, text), " "]));
      said = name;
      for (const [k, part] of [...node.children].entries()) {
        part.toggleAttribute("data-now", k === PART[sign] || texts.length === 1);
      }
    },
  };
}

/** A number with two decimals, for small cells. @param {number} value */
export const short = value => bare(fixed(value));

/** The key to the colours of a map. */
export function colourKey() {
  const [low, ramp, high] = [h("span", { class: "cw-cap" }), canvas(), h("span", { class: "cw-cap" })];
  return {
    node: h("div", { class: "cw-scale" }, low, ramp, high),
    ramp,
    /**
     * @param {(v: number) => number[]} colour @param {number} least @param {number} most
     * @param {ArrayLike<number>[]} maps whose numbers may lie beyond, as the ends then say
     */
    set(colour, least, most, maps) {
      paint(ramp, 1, 128, i => colour(least + ((most - least) * i) / 127));
      const beyond = test => maps.some(values => Array.prototype.some.call(values, test));
      const end = v => show(+v.toPrecision(2));
      write(low, (beyond(v => v < least - 1e-6) ? "≤ " : "") + end(least));
      write(high, (beyond(v => v > most + 1e-6) ? "≥ " : "") + end(most));
    },
  };
}

/**
 * The line of a convolution: pixels × kernel = products Σ sum.
 * @param {(k: number, value: number) => void} [edited] makes the kernel editable
 */
export function sumLine(edited) {
  const parts = ["pixels", "kernel", "products", "sum"];
  const caps = parts.map(name => h("span", { class: "cw-cap", style: `grid-area:${name}-cap` }));
  const total = h("div", { class: "cv-total" });
  const sums = h("div", { class: "cv-sums" }, total);
  const signs = ["×", "=", "Σ"].map((text, k) => h("i", { style: `grid-area:sign${k}` }, text));
  const node = h("div", { class: "cv-line" }, caps, signs, sums);
  let grids = [];
  let last = []; // the kernel that was shown
  let scale = 1; // of the colours of kernel and products
  let isHeld = false; // while a number is changed, the colours of all others stay, and its own follows it
  const hear = edited && ((k, value) => {
    isHeld = true;
    edited(k, value);
  });
  const build = side => {
    const count = { 3: "nine", 5: "25" }[side];
    const words = [`${count} pixels`, "kernel", `${count} products, rounded`, "their sum"];
    if (edited) words[1] += `: drag ${IS_TOUCHED ? "sideways " : ""}or type`;
    caps.forEach((cap, k) => cap.replaceChildren(words[k]));
    for (const grid of grids) grid.node.remove();
    grids = ["Window", "Kernel", "Products"].map((name, k) => {
      const grid = numberGrid(side, side, name, k === 1 ? hear : undefined);
      grid.node.classList.add(`cv-${parts[k]}`);
      grid.node.style.gridArea = parts[k];
      return grid;
    });
    node.classList.toggle("cv-5", side === 5);
    node.prepend(...grids.map(grid => grid.node));
  };
  build(3);
  // A pixel, its number of the kernel and their product are shown to belong together.
  const light = lit => {
    for (const grid of grids) grid.cells.forEach((cell, k) => cell.classList.toggle("cv-lit", k === lit));
  };
  for (const type of ["pointerover", "pointerleave", "focusin", "focusout"]) {
    node.addEventListener(type, ({ target }) =>
      light(/out|leave/.test(type) ? -1 : Math.max(...grids.map(grid => grid.cells.indexOf(target)))),
    );
  }
  for (const type of ["focusin", "pointerdown"]) {
    node.addEventListener(type, () => {
      isHeld = false;
    });
  }
  return {
    node,
    sums,
    light,
    /** Ends the typing of a number of the kernel. @returns {boolean} whether it was none */
    release: () => grids[1].release(),
    /** The elements that wires lead to. */
    ends: () => [grids[0].node, caps[3], caps[0]],
    /**
     * @param {(number | null)[]} seen of `windowAt`
     * @param {number[]} weights the kernel
     * @param {Uint8Array} table of `ramp`
     * @param {number[] | null} colour of the sum; null hides products and sum
     * @param {(v: number) => number[]} [look] colour of a pixel
     * @returns {string} the sum as shown; "≈" is before it where the products as shown do not add up to it
     */
    set(seen, weights, table, colour, look = grey) {
      if (grids[0].cells.length !== weights.length) build(Math.sqrt(weights.length));
      if (differing(weights, last) > 1) isHeld = false;
      if (!isHeld) scale = fullColour(weights);
      last = weights;
      const signed = v => at(table, v / scale);
      const written = weights.length === 9 ? fixed : short;
      const shown = roundedProducts(seen, weights);
      const add = list => list.reduce((a, b) => a + b, 0);
      const sum = fixed(add(weights.map((weight, k) => weight * (seen[k] ?? 0))));
      const [pixels, kernel, products] = grids;
      pixels.set(seen, (v, k) => (seen[k] === null ? null : look(v)), (v, k) => (seen[k] === null ? "0" : written(v)));
      kernel.set(weights, signed, v => (weights.length === 9 ? show(v) : bare(show(v))));
      products.set(shown, v => (colour ? signed(v) : null), v => (colour ? written(v) : ""));
      write(total, colour ? sum : "?");
      total.toggleAttribute("data-about", Boolean(colour) && fixed(add(shown)) !== sum);
      total.style.background = colour ? css(colour) : "";
      total.style.color = colour ? inkOn(colour) : "";
      return sum;
    },
  };
}

/**
 * A picture with a window on it and the output with the window's pixel, joined by wires to the line of the sum.
 * @param {any} line of `sumLine` @param {[string, string]} names of picture and output
 * @param {(row: number, column: number) => void} moved hears of the pixel of the output that is wanted
 * @param {{node: any, square: () => number[]}} [source] what the picture is a square of, and that square's sides as
 *     shares; the wires then begin at the edges of picture and output, which leaves numbers on them free
 */
export function slidingViews(line, names, moved, source) {
  /** @type {{side: number, sliding: Sliding, from: number[], to: number[]}} */
  let now;
  let shown = [0, 0];
  const middle = () => (spanOf(now.side, now.sliding.dilation) - 1) / 2;
  const go = (...wanted) => {
    if (now.to.includes(0)) return; // the kernel does not fit
    const pixel = wanted.map((at, k) => clamp(at, 0, now.to[k] - 1));
    moved(...pixel);
    views.mark(...pixel); // not at the next frame: a second key may come before it
  };
  const [input, output] = [
    ["move the window", (...place) => go(...place.map(at => Math.round((at - middle()) / now.sliding.stride)))],
    ["choose a number", go],
  ].map(([what, heard], k) => {
    const view = picture(`${names[k]}. Arrow keys ${what}, with shift by five.`, { rows: 1, columns: 1, moved: heard });
    const [size, where] = [h("span"), h("span", { class: "cw-cap" })];
    const head = h("div", { class: "cw-head" }, h("span", { class: "cw-cap" }, h("b", {}, names[k]), " ", size), where);
    return { view, size, where, figure: h("figure", {}, head, view.node) };
  });
  const key = colourKey();
  output.figure.append(key.node);
  /** @type {number | null} where the sum lies on the key, 0 to 1 */
  let tick = null;
  // Frames and wires are on a canvas: when an element moves, the browser arranges all layers of the page again.
  const wires = canvas();
  wires.className = "cv-wires";
  const stage = h("div", { class: "cv-stage" }, wires);
  let boxes = null;
  let extent = [0, 0]; // width and height of the wires, in pixels of the page
  /** @type {number[] | null} left, top, right and bottom of both frames (and of the square), as shares; where they go to */
  let place = null;
  let goal = null;
  /** @type {number[] | null} sides of the window of the number under the pointer */
  let ghost = null;
  let theme = "";
  let colour = "";
  /** A frame around a box that can be seen on any picture. */
  const frame = (pen, [left, top, right, bottom], rings) => {
    for (const [style, width, out, radius] of rings) {
      pen.strokeStyle = style;
      pen.lineWidth = width;
      pen.beginPath();
      pen.roundRect(left - out, top - out, right - left + 2 * out, bottom - top + 2 * out, radius);
      pen.stroke();
    }
  };
  const draw = () => {
    const pen = /** @type {CanvasRenderingContext2D} */ (wires.getContext("2d"));
    const size = extent.map(side => Math.round(side * devicePixelRatio)); // another on another screen
    if (String(size) !== String([wires.width, wires.height])) [wires.width, wires.height] = size;
    pen.reset();
    if (!boxes || !place) return;
    const [from, result, pixels, sum, caption, scale, origin] = boxes;
    const snapped = share => Math.round(share * devicePixelRatio) / devicePixelRatio;
    const inside = (box, shares) => shares.map((share, k) => snapped(k % 2 ? box.y + share * box.height : box.x + share * box.width));
    const [window, cell] = [inside(from, place.slice(0, 4)), inside(result, place.slice(4, 8))];
    const [left, , right, low] = window;
    const top = source ? from.bottom : low;
    const [end, neck] = [pixels.top - 2, caption.top - 2]; // from there on straight down, on both sides of the caption
    // Where the grids stack, straight down at first, past the keys of the next pictures.
    const middle = top + (neck - top) * (sum.top < pixels.bottom ? 0.55 : 0.9);
    const leftSide = `M${left} ${top}C${left} ${middle} ${pixels.left} ${middle} ${pixels.left} ${neck}V${end}`;
    const rightSide = `${pixels.right} ${end}V${neck}C${pixels.right} ${middle} ${right} ${middle} ${right} ${top}`;
    const [x, y] = [sum.left + sum.width / 2, sum.top - 4];
    const [outX, outY] = [(cell[0] + cell[2]) / 2, source ? result.bottom : cell[3] + 3];
    const keyX = tick === null ? null : scale.left + tick * scale.width;
    const [above, below] = [scale.top - 3, scale.bottom + 3];
    const curve = (x, y, toX, toY) => `C${x} ${(y + toY) / 2} ${toX} ${(y + toY) / 2} ${toX} ${toY}`;
    // The line from the sum crosses the key where the sum lies. Where the grids stack, it would run through the kernel.
    const isLed = keyX !== null && sum.top < pixels.bottom;
    // Lines from the square to the picture that shows it larger; where they stack, both are too near for any.
    const [, high, edge, bottom] = origin && origin.right < from.left ? inside(origin, place.slice(8)) : [];
    const zoom = edge ? `M${edge + 3} ${high}L${from.left - 1} ${from.top}V${from.bottom}L${edge + 3} ${bottom}` : "";
    const out = isLed ? `M${x} ${y}${curve(x, y, keyX, below)}V${above}${curve(keyX, above, outX, outY)}` : "";
    pen.scale(devicePixelRatio, devicePixelRatio);
    pen.translate(MARGIN, MARGIN);
    pen.fillStyle = pen.strokeStyle = colour;
    pen.lineWidth = 1.25;
    pen.globalAlpha = 0.09;
    const isBetween = result.top > from.bottom; // the output: lines from the window would cross it
    pen.fill(new Path2D(isBetween ? zoom : `${leftSide}L${rightSide}Z${zoom}`));
    pen.globalAlpha = 0.75;
    pen.stroke(new Path2D(isBetween ? zoom : `${leftSide}M${rightSide}${out}${zoom}`));
    if (out) pen.fill(new Path2D(`M${x - 2.5} ${y}a2.5 2.5 0 1 1 5 0a2.5 2.5 0 1 1 -5 0`));
    pen.globalAlpha = 1;
    for (const box of [window, cell]) frame(pen, box, FRAME);
    if (keyX !== null) frame(pen, [keyX - 1, scale.top - 1, keyX + 1, scale.bottom + 1], TICK);
    if (ghost) {
      frame(pen, inside(from, ghost), GHOST);
      pen.setLineDash([4, 3]);
      frame(pen, inside(from, ghost), DASHES);
      pen.setLineDash([]);
    }
    const { side, sliding: { dilation } } = now;
    const step = ((right - left) / spanOf(side, dilation)) * dilation;
    for (let k = 0; dilation > 1 && k < side * side; k++) { // what a dilated kernel meets
      const [x, y] = [left + (k % side) * step, window[1] + Math.floor(k / side) * step];
      frame(pen, [x, y, x + step / dilation, y + step / dilation], PIXEL);
    }
  };
  /** Leads frames and wires there, gliding where the widget has `data-slides`. */
  const lead = to => {
    const root = /** @type {HTMLElement} */ (wires.closest(".cw"));
    const isNew = !colour || theme !== root.dataset.theme;
    if (String(to) === String(goal) && !isNew) return;
    if (isNew) {
      theme = root.dataset.theme ?? "";
      colour = getComputedStyle(wires).color;
    }
    goal = to;
    const [from, start] = [place, performance.now()];
    const glides = from && root.hasAttribute("data-slides") && !matchMedia("(prefers-reduced-motion: reduce)").matches;
    const step = time => {
      if (goal !== to) return; // it goes elsewhere by now
      const share = glides ? Math.min(1, Math.max(0, time - start) / GLIDE) : 1;
      place = to.map((v, k) => (share < 1 ? from[k] + (v - from[k]) * share : v));
      draw();
      if (share < 1) requestAnimationFrame(step);
    };
    step(start);
  };
  const shares = (box, [rows, columns]) => box.map((at, k) => at / (k % 2 ? rows : columns));
  // A pixel of the window lights its product, a number of the output the window that it comes from.
  const pointed = (view, heard) => {
    for (const type of ["pointermove", "pointerleave"]) {
      view.node.addEventListener(type, event => {
        const isOver = type === "pointermove" && !event.buttons && !now.to.includes(0);
        heard(isOver ? cellUnder(view.node, event, ...view.size()) : null);
      });
    }
  };
  pointed(input.view, at => {
    const { side, sliding: { stride, dilation } } = now;
    const [row, column] = at?.map((place, k) => (place - shown[k] * stride) / dilation) ?? [-1, -1];
    const isMet = [row, column].every(place => place >= 0 && place < side && Number.isInteger(place));
    line.light(isMet ? row * side + column : -1);
  });
  pointed(output.view, at => {
    if (!at && !ghost) return;
    const { side, sliding: { padding, stride, dilation }, from } = now;
    const [top, left] = at?.map(place => place * stride) ?? [];
    const span = spanOf(side, dilation);
    const size = from.map(pixels => pixels + 2 * padding);
    ghost = at && String(at) !== String(shown) ? shares([left, top, left + span, top + span], size) : null;
    draw();
  });
  const sizes = new ResizeObserver(() => {
    const origin = stage.getBoundingClientRect();
    boxes = origin.width && [input.view.node, output.view.node, ...line.ends(), key.ramp, ...(source ? [source.node] : [])].map(element => {
      const box = element.getBoundingClientRect();
      return new DOMRect(box.x - origin.x, box.y - origin.y, box.width, box.height);
    });
    extent = [origin.width + 2 * MARGIN, origin.height + 2 * MARGIN];
    draw();
  });
  for (const node of [stage, input.view.node, output.view.node, line.node, key.ramp]) sizes.observe(node);
  const signed = text => text.replaceAll("-", "−");
  const through = (first, count) => `${first}${first < 0 ? "…" : "–"}${first + count - 1}`;
  const views = {
    input, output, stage, key,
    /**
     * Sizes of kernel, picture and output.
     * @param {number} side @param {Sliding} sliding @param {number[]} from @param {number[]} to
     */
    fit(side, sliding, from, to) {
      now = { side, sliding, from, to };
      const { padding } = sliding;
      input.view.resize(from[0] + 2 * padding, from[1] + 2 * padding);
      input.view.rim(padding);
      write(input.size, from.join(" × "));
      output.view.resize(...to.map(size => Math.max(1, size)));
      write(output.size, to.join(" × "));
    },
    /** The pixel of the output that is written out. @param {number} row @param {number} column */
    mark(row, column) {
      const { side, sliding: { padding, stride, dilation }, from, to } = now;
      const [top, left, span] = [row * stride, column * stride, spanOf(side, dilation)];
      const [rows, columns] = from.map(size => size + 2 * padding);
      write(input.where, signed(`rows ${through(top - padding, span)}, columns ${through(left - padding, span)}`));
      write(output.where, `row ${row}, column ${column}`);
      input.view.place(top + middle(), left + middle(), stride);
      output.view.place(row, column);
      shown = [row, column];
      const pixel = shares([column, row, column + 1, row + 1], to);
      lead([...shares([left, top, left + span, top + span], [rows, columns]), ...pixel, ...(source?.square() ?? [])]);
    },
    /** Where the sum lies on the key, from 0 to 1; null if it is not shown. @param {number | null} share */
    tick(share) {
      const to = share === null ? null : clamp(share, 0, 1);
      if (tick === to) return;
      tick = to;
      draw();
    },
    clear() {
      place = goal = null;
      draw();
    },
    close: () => sizes.disconnect(),
  };
  return views;
}
