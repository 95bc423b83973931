// A convolution and how it is shown: its arithmetic, chips of kernels, and the line from nine pixels to their sum.
import { h, svg, canvas } from "./ui.js";
import { at, css, grey, inkOn, largest, paint } from "./colour.js";
import { fixed, roundedToSum } from "./numbers.js";
import { field, segmented } from "./controls.js";
import { numberGrid } from "./grid.js";

const SHORT = { "Sobel, vertical edges": "Sobel │", "Sobel, horizontal edges": "Sobel ─" };
const COUNTS = { 9: "nine", 25: "25" };

/**
 * @typedef {{padding: number, stride: number, dilation: number}} Sliding how a kernel moves over a picture
 * @typedef {{values: Float64Array, height: number, width: number}} Plane
 */

/**
 * @param {any} model
 * @returns {Sliding} as the traits have it
 */
export function slidingOf(model) {
  return { padding: model.get("padding"), stride: model.get("stride"), dilation: model.get("dilation") };
}

/**
 * How many pixels a kernel spans, gaps included.
 * @param {number} side
 * @param {number} dilation
 */
export function reachOf(side, dilation) {
  return dilation * (side - 1) + 1;
}

/**
 * @param {number} pixels along one side of the picture
 * @param {number} side of the kernel
 * @param {Sliding} sliding
 * @returns {number} pixels along one side of the output, 0 where the kernel does not fit
 */
export function outputSize(pixels, side, { padding, stride, dilation }) {
  return Math.max(0, Math.floor((pixels + 2 * padding - reachOf(side, dilation)) / stride) + 1);
}

/**
 * The numbers of a picture under the kernel at one place, zero beyond the edge.
 * @param {Plane} image
 * @param {number} side of the kernel
 * @param {Sliding} sliding
 * @param {number} row of the output
 * @param {number} column of the output
 * @returns {{numbers: Float64Array, inside: boolean[]}} `inside` is false for padding
 */
export function windowAt(image, side, { padding, stride, dilation }, row, column) {
  const numbers = new Float64Array(side * side);
  const inside = Array.from(numbers, (_, k) => {
    const y = row * stride - padding + Math.floor(k / side) * dilation;
    const x = column * stride - padding + (k % side) * dilation;
    const within = y >= 0 && x >= 0 && y < image.height && x < image.width;
    if (within) numbers[k] = image.values[y * image.width + x];
    return within;
  });
  return { numbers, inside };
}

/**
 * What deep learning calls convolution: the kernel is not flipped.
 * @param {Plane} image
 * @param {ArrayLike<number>} kernel square, rows first
 * @param {Sliding} sliding
 * @returns {Plane}
 */
export function convolve(image, kernel, sliding) {
  const { padding, stride, dilation } = sliding;
  const side = Math.sqrt(kernel.length);
  const [height, width] = [image.height, image.width].map(size => outputSize(size, side, sliding));
  const values = new Float64Array(height * width);
  for (let row = 0, o = 0; row < height; row++) {
    for (let column = 0; column < width; column++, o++) {
      let sum = 0;
      for (let i = 0, k = 0; i < side; i++) {
        const y = row * stride - padding + i * dilation;
        for (let j = 0; j < side; j++, k++) {
          const x = column * stride - padding + j * dilation;
          const within = y >= 0 && x >= 0 && y < image.height && x < image.width;
          if (within) sum += kernel[k] * image.values[y * image.width + x];
        }
      }
      values[o] = sum;
    }
  }
  return { values, height, width };
}

/**
 * The largest absolute value of an output, its rim left out: zeros beyond the edge make numbers there that would pale
 * all others.
 * @param {Plane} output
 * @param {Sliding} sliding
 */
export function innerLimit({ values, height, width }, { padding, stride }) {
  const rim = Math.ceil(padding / stride);
  if (Math.min(height, width) <= 2 * rim) return largest(values);
  let most = 1e-6;
  for (let y = rim; y < height - rim; y++) most = Math.max(most, largest(values, y * width + rim, width - 2 * rim));
  return most;
}

/**
 * A kernel whose numbers nearly cancel makes a map with a sign; every other makes a picture.
 * @param {ArrayLike<number>} kernel
 */
export function isSigned(kernel) {
  const numbers = Array.from(kernel);
  const sum = numbers.reduce((a, b) => a + b, 0);
  const size = numbers.reduce((a, b) => a + Math.abs(b), 0);
  return sum < 0 || (size > 0 && sum < 0.1 * size);
}

/**
 * A kernel in the middle of a grid of another size: zeros around it, or its outer numbers cut off.
 * @param {number[]} kernel
 * @param {number} side
 * @returns {number[]}
 */
export function resized(kernel, side) {
  const old = Math.sqrt(kernel.length);
  const shift = (old - side) / 2;
  return Array.from({ length: side * side }, (_, k) => {
    const [y, x] = [Math.floor(k / side) + shift, (k % side) + shift];
    return y >= 0 && x >= 0 && y < old && x < old ? kernel[y * old + x] : 0;
  });
}

/**
 * Values as options of a segmented choice.
 * @param {any[]} values
 */
export function plain(values) {
  return values.map(value => ({ value, text: String(value) }));
}

/**
 * Traits as segmented choices with their labels.
 * @param {any} model
 * @param {[trait: string, label: string, options: any[]][]} wanted
 * @param {(values: Record<string, any>) => void} chosen
 */
export function traitFields(model, wanted, chosen) {
  const fields = wanted.map(([trait, label, options]) => {
    const choice = segmented(label, options, model.get(trait), value => chosen({ [trait]: value }));
    return { trait, choice, node: field(label, choice) };
  });
  return {
    nodes: fields.map(part => part.node),
    refresh() {
      for (const { trait, choice } of fields) choice.set(model.get(trait));
    },
  };
}

/** A kernel as a small picture: `draw(kernel, colours)`. */
export function glyph() {
  const surface = canvas(3, 3);
  return {
    node: h("span", { class: "cv-glyph" }, surface),
    /** @param {number[]} kernel @param {Uint8Array} table */
    draw(kernel, table) {
      const side = Math.sqrt(kernel.length);
      const limit = Math.max(...kernel.map(Math.abs), 0.2); // else a blur would be as dark as an edge
      paint(surface, side, side, k => at(table, kernel[k] / limit));
    },
  };
}

/**
 * Kernels to start from, as chips.
 * @param {Record<string, number[][]>} presets
 * @param {(kernel: number[], name: string) => void} chosen
 */
export function kernelChips(presets, chosen) {
  const chips = Object.entries(presets).map(([name, rows]) => {
    const [picture, kernel] = [glyph(), rows.flat()];
    const text = SHORT[name] ?? name.split(",")[0];
    const node = h(
      "button",
      { type: "button", class: "cw-chip", "aria-label": name, onclick: () => chosen(kernel, name) },
      picture.node, text,
    );
    return { node, picture, kernel, text };
  });
  return {
    node: h("div", { class: "cv-chips", role: "group", "aria-label": "Kernels to start from" }, chips.map(c => c.node)),
    /** @param {Uint8Array} table */
    paint(table) {
      for (const { picture, kernel } of chips) picture.draw(kernel, table);
    },
    /** @param {number[]} kernel what is on the bench: its own chip is marked, and chips for its size are shown */
    set(kernel) {
      const side = Math.sqrt(kernel.length);
      const larger = chips.filter(chip => chip.kernel.length === kernel.length && side > 3).map(chip => chip.text);
      for (const { node, kernel: own, text } of chips) {
        node.hidden = own.length > kernel.length || (own.length < kernel.length && larger.includes(text));
        node.setAttribute("aria-pressed", resized(own, side).every((v, k) => Math.abs(v - kernel[k]) < 1e-5));
      }
    },
  };
}

/**
 * The line of a convolution: pixels × kernel = products Σ sum.
 * @param {number} side of the kernel
 * @param {(k: number, value: number) => void} [edited] makes the kernel editable
 */
export function sumLine(side, edited) {
  const count = COUNTS[side * side];
  const pixels = numberGrid(side, side, "Window");
  const kernel = numberGrid(side, side, "Kernel", edited);
  const products = numberGrid(side, side, "Products");
  const total = h("div", { class: "cv-total" });
  const cap = (area, text) => h("span", { class: `cw-cap cv-${area}-cap` }, text);
  const sign = (area, text) => h("span", { class: `cv-sign cv-${area}`, "aria-hidden": "true" }, text);
  const sums = h("div", {}, total);
  const areas = { pixels: pixels.node, kernel: kernel.node, products: products.node, sum: sums };
  for (const [area, node] of Object.entries(areas)) node.classList.add(`cv-${area}`);
  const how = edited ? h("span", { class: "cv-how" }, ": drag, scroll or type") : null;
  const captions = [cap("pixels", `${count} pixels`), cap("kernel", ["kernel", how].filter(Boolean))];
  captions.push(cap("products", `${count} products`), cap("sum", "their sum"));
  const signs = [sign("times", "×"), sign("equals", "="), sign("sigma", "Σ")];
  const node = h("div", { class: `cv-line cv-${side}` }, captions, Object.values(areas), signs);
  // A pixel, its number of the kernel and their product are shown to belong together.
  const grids = [pixels, kernel, products];
  const light = event => {
    const k = Math.max(...grids.map(grid => grid.cells.indexOf(event.target)));
    for (const grid of grids) grid.cells.forEach((cell, i) => cell.classList.toggle("cv-lit", i === k));
  };
  for (const event of ["pointerover", "pointerleave", "focusin", "focusout"]) node.addEventListener(event, light);
  return {
    node,
    side,
    pixels: pixels.node,
    sums,
    /**
     * @param {{numbers: Float64Array, inside: boolean[]}} seen of `windowAt`
     * @param {number[]} weights the kernel
     * @param {Uint8Array} table of `ramp`
     * @param {number[] | null} colour of the sum; null hides products and sum
     * @param {(v: number) => number[]} [look] colour of a pixel
     * @returns {string} the sum as shown: the products as shown add up to it
     */
    set({ numbers, inside }, weights, table, colour, look = grey) {
      const scale = Math.max(1, ...weights.map(Math.abs));
      const signed = v => at(table, v / scale);
      const { parts, sum } = roundedToSum(numbers.map((v, k) => v * weights[k]));
      pixels.set(numbers, (v, k) => (inside[k] ? look(v) : null), (v, k) => (inside[k] ? fixed(v) : "0"));
      kernel.set(weights, signed);
      products.set(parts, v => (colour ? signed(v) : null), v => (colour ? fixed(v) : ""));
      total.textContent = colour ? fixed(sum) : "?";
      total.style.background = colour ? css(colour) : "";
      total.style.color = colour ? inkOn(colour) : "";
      return fixed(sum);
    },
  };
}

/**
 * Lines from the window in the picture to its pixels written out, and from their sum to its place in the output.
 * @param {HTMLElement} stage holds all of them
 * @param {() => {picture: any, output: any, line: any}} parts as they are now
 */
export function wires(stage, parts) {
  const paths = ["cv-fill", "", "", ""].map(name => svg("path", { class: name }));
  const dot = svg("circle", { r: 2.5 });
  const node = svg("svg", { class: "cv-wires", "aria-hidden": "true" }, ...paths, dot);
  stage.append(node);
  let boxes = null;
  let last = null;
  const measure = () => {
    const origin = stage.getBoundingClientRect();
    const box = element => {
      const r = element.getBoundingClientRect();
      return { left: r.left - origin.left, top: r.top - origin.top, width: r.width, height: r.height };
    };
    const { picture, output, line } = parts();
    const caption = line.node.querySelector(".cv-sum-cap");
    boxes = origin.width
      ? { picture: box(picture), output: box(output), pixels: box(line.pixels), sum: box(caption) }
      : null;
    draw();
  };
  const draw = () => {
    node.style.display = boxes && last ? "" : "none";
    if (!boxes || !last) return;
    const { picture, output, pixels, sum } = boxes;
    const left = picture.left + last.left * picture.width;
    const right = picture.left + last.right * picture.width;
    const from = picture.top + last.bottom * picture.height;
    const to = pixels.top - 2;
    const end = pixels.left + pixels.width;
    const middle = from + (to - from) * 0.55;
    const leftSide = `M${left} ${from}C${left} ${middle} ${pixels.left} ${middle} ${pixels.left} ${to}`;
    paths[0].setAttribute("d", `${leftSide}L${end} ${to}C${end} ${middle} ${right} ${middle} ${right} ${from}Z`);
    paths[1].setAttribute("d", leftSide);
    paths[2].setAttribute("d", `M${right} ${from}C${right} ${middle} ${end} ${middle} ${end} ${to}`);
    // Where the grids stack, the line from the sum would run through the kernel.
    const stacked = sum.top > pixels.top + pixels.height;
    for (const part of [paths[3], dot]) part.style.display = stacked ? "none" : "";
    const [x, y] = [sum.left + sum.width / 2, sum.top - 4];
    const [outX, outY] = [output.left + last.x * output.width, output.top + last.y * output.height + 3];
    const bend = outY + (y - outY) * 0.6;
    paths[3].setAttribute("d", `M${x} ${y}C${x} ${bend} ${outX} ${bend} ${outX} ${outY}`);
    dot.setAttribute("cx", x);
    dot.setAttribute("cy", y);
  };
  const sizes = new ResizeObserver(measure);
  sizes.observe(stage);
  return {
    measure,
    /**
     * @param {{left: number, right: number, bottom: number, x: number, y: number} | null} place the window as shares
     *     of the picture, and the middle of a pixel's lower edge as shares of the output
     */
    set(place) {
      last = place;
      draw();
    },
    close: () => sizes.disconnect(),
  };
}
