// A data set to look through: a wall of pictures, one of them enlarged with its numbers, and draws of its augmentation.
import { h, mount, framed, binding, loader } from "./ui.js";
import { paint, paintBytes } from "./colour.js";
import { fixed } from "./numbers.js";
import { button, cellUnder, field, segmented } from "./controls.js";
import { picture } from "./picture.js";
import { imageWall, unpackPictures } from "./image_wall.js";
import styles from "./image_browser.css";
import wallStyles from "./image_wall.css";

const SIDE = 32;
const PER_PAGE = 30;
const DRAWS = 7;
const CHANNELS = ["red", "green", "blue"];

/**
 * Random numbers from 0 to 1, the same for the same seed (mulberry32).
 * @param {number} seed
 * @returns {() => number}
 */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * @typedef {object} Change one draw of an augmentation
 * @property {boolean} mirrored
 * @property {number} down
 * @property {number} right
 * @property {{top: number, left: number, side: number} | null} hole
 */

/**
 * Draws what `Augment` of cifar_helpers.data draws.
 * @param {{flip: boolean, shift: number, cutout: number}} augment
 * @param {() => number} random
 * @returns {Change}
 */
export function drawChange({ flip, shift, cutout }, random) {
  // Five numbers in any case: a draw keeps its shift when the cutout is switched on.
  const [a, b, c, d, e] = Array.from({ length: 5 }, random);
  const step = share => shift - Math.floor(share * (2 * shift + 1));
  const corner = share => Math.floor(share * (SIDE - cutout + 1));
  return {
    mirrored: flip && a < 0.5,
    down: step(b),
    right: step(c),
    hole: cutout ? { top: corner(d), left: corner(e), side: cutout } : null,
  };
}

/**
 * A picture after a change: mirrored, then moved with its border filled by reflection, then blanked with the mean.
 * @param {ArrayLike<number>} pixels (32, 32, 3), 0 to 255
 * @param {Change} change
 * @param {number[]} mean of each channel, 0 to 1
 * @returns {Float32Array} of the same shape
 */
export function changed(pixels, { mirrored, down, right, hole }, mean) {
  const out = new Float32Array(pixels.length);
  const reflected = k => (k < 0 ? -k : k >= SIDE ? 2 * (SIDE - 1) - k : k);
  for (let y = 0, o = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const column = reflected(x - right);
      const from = (reflected(y - down) * SIDE + (mirrored ? SIDE - 1 - column : column)) * 3;
      const blank = hole && y >= hole.top && y < hole.top + hole.side && x >= hole.left && x < hole.left + hole.side;
      for (let c = 0; c < 3; c++, o++) out[o] = blank ? mean[c] * 255 : pixels[from + c];
    }
  }
  return out;
}

/** @param {Change} change */
function inWords({ mirrored, down, right, hole }) {
  const parts = [
    mirrored ? "mirrored" : "",
    down ? `${Math.abs(down)} ${down > 0 ? "down" : "up"}` : "",
    right ? `${Math.abs(right)} ${right > 0 ? "right" : "left"}` : "",
    hole ? `blanked from row ${hole.top}, column ${hole.left}` : "",
  ];
  return parts.filter(Boolean).join(", ") || "unchanged";
}

/** @param {Change} change */
function inSigns({ mirrored, down, right }) {
  const parts = [
    mirrored ? "⇄" : "",
    down ? `${down > 0 ? "↓" : "↑"}${Math.abs(down)}` : "",
    right ? `${right > 0 ? "→" : "←"}${Math.abs(right)}` : "",
  ];
  return parts.filter(Boolean).join(" ") || "in place";
}

/**
 * @param {{model: any, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void}
 */
export function render({ model, el, load }) {
  const get = load ?? loader(model);
  const [classes, counts, mean, std] = ["classes", "counts", "mean", "std"].map(name => model.get(name));
  /** @type {Map<string, import("./image_wall.js").Picture[]>} */
  const files = new Map();
  const asked = new Set();
  /** @type {import("./image_wall.js").Picture[]} */
  let list = [];
  let drawn = "";
  /** @type {{change: Change, pixels: Float32Array}[]} */
  let draws = [];
  let inspected = 0; // 0 is the picture itself, k its draw k
  /** @type {number[] | null} */
  let under = null;
  let moved = false; // to another class, whose first picture is chosen once it is here
  let failure = "";

  const redraw = framed(draw);
  const { root, say, close } = mount(el, "image_browser", "Image browser", styles + wallStyles, redraw);
  const heard = ["label", "picture", "order", "flip", "shift", "cutout", "seed", "pixel"];
  const { set, close: unbind } = binding(model, Object.fromEntries(heard.map(name => [name, redraw])));
  const put = values => {
    set(values);
    redraw();
  };
  const augmenting = values => {
    if (!inspected) inspected = 1; // look at what is being changed
    put(values);
  };

  const offered = classes.filter((_, k) => counts[k]);
  const label = segmented(
    "Class",
    ["all", ...offered].map(name => ({ value: name, text: name })),
    model.get("label"),
    value => {
      inspected = 0;
      moved = true;
      put({ label: value });
    },
  );
  const wall = imageWall("Pictures", PER_PAGE, k => {
    inspected = 0;
    put({ picture: list[k].index });
  });
  const of = h("span", { class: "cw-cap" });
  const shuffle = button("Shuffle", () => {
    inspected = 0;
    const order = model.get("order") + 1;
    put({ order, picture: ordered(list, order)[0].index });
  });

  const name = h("b");
  const which = h("span", { class: "cw-cap" });
  const change = h("p", { class: "cw-cap ib-done" });
  const large = picture("Pixels of the picture: point at one, or use arrow keys", {
    rows: SIDE, columns: SIDE, moved: (row, column) => put({ pixel: [row, column] }),
  });
  large.node.addEventListener("pointermove", event => {
    under = event.buttons ? null : cellUnder(large.node, event, SIDE, SIDE);
    redraw();
  });
  large.node.addEventListener("pointerleave", () => {
    under = null;
    redraw();
  });
  const channels = CHANNELS.map(channel => picture(`${channel} channel`, { rows: SIDE, columns: SIDE }));
  const place = h("th", { scope: "col" });
  const swatch = h("i", { class: "ib-swatch", "aria-hidden": "true" });
  const line = words => ({ head: h("th", { scope: "row" }, words), cells: CHANNELS.map(() => h("td")) });
  const raw = line("0 to 255");
  const scaled = line("normalised");
  const means = line("mean of the picture");
  raw.head.append(swatch);
  const values = h(
    "table", { class: "ib-values" },
    h("thead", {}, h("tr", {}, place, CHANNELS.map(channel => h("th", { scope: "col" }, channel)))),
    h("tbody", {}, [raw, scaled, means].map(row => h("tr", {}, row.head, row.cells))),
  );

  const sizes = (trait, words, options) =>
    segmented(
      words,
      options.map(value => ({ value, text: String(value) })),
      model.get(trait),
      value => augmenting({ [trait]: value }),
    );
  const flip = segmented(
    "Flip",
    [
      { value: false, text: "off" },
      { value: true, text: "on" },
    ],
    model.get("flip"),
    value => augmenting({ flip: value }),
  );
  const shift = sizes("shift", "Shift by up to, in pixels", [0, 2, 4, 8]);
  const cutout = sizes("cutout", "Side of the blanked square, in pixels", [0, 8, 12, 16]);
  const again = button("Draw again", () => augmenting({ seed: model.get("seed") + 1 }), { main: true });
  const strip = imageWall("The picture and draws of its augmentation", DRAWS + 1, k => {
    inspected = k;
    redraw();
  });

  root.append(
    h("div", { class: "cw-bar" }, label.node),
    h(
      "div", { class: "ib-main" },
      h(
        "div", {},
        h("div", { class: "cw-head" }, h("b", {}, "Pictures"), of),
        wall.node,
        h("div", { class: "ib-under" }, shuffle, wall.pager),
      ),
      h(
        "div", { class: "ib-inspect" },
        h("div", { class: "cw-head" }, name, which),
        h(
          "div", { class: "ib-close" },
          large.node,
          h(
            "div", { class: "ib-channels" },
            channels.map((view, c) => h("div", {}, h("span", { class: "cw-cap" }, CHANNELS[c]), view.node)),
          ),
        ),
        values, change,
      ),
    ),
    h(
      "div", { class: "cw-foot ib-foot" },
      h(
        "div", { class: "cw-bar" },
        h("b", {}, "Augmentation"), field("flip", flip), field("shift up to", shift), field("cutout", cutout), again,
      ),
      strip.node,
    ),
  );

  /** Asks for a file once; what has come is in `files`. */
  async function want(file) {
    if (asked.has(file)) return;
    asked.add(file);
    try {
      files.set(file, unpackPictures(await get(file)));
    } catch (error) {
      failure = `The pictures could not be loaded: run the cell again. ${error}`;
    }
    redraw();
  }

  /** The pictures as they are in the data set (seed 0), or shuffled. */
  function ordered(pictures, seed) {
    const random = randomNumbers(seed);
    const keys = new Map(pictures.map(each => [each.index, seed ? random() : each.index]));
    return [...pictures].sort((a, b) => keys.get(a.index) - keys.get(b.index));
  }

  function draw() {
    const kind = model.get("label");
    const wanted = model.get("picture");
    label.set(kind);
    flip.set(model.get("flip"));
    shift.set(model.get("shift"));
    cutout.set(model.get("cutout"));
    if (failure) of.textContent = failure;
    const group = files.get(`class/${kind}`);
    if (!group) return void want(`class/${kind}`);
    list = ordered(group, model.get("order"));
    const at = list.findIndex(each => each.index === wanted);
    const all = kind === "all" ? counts.reduce((a, b) => a + b, 0) : counts[classes.indexOf(kind)];
    of.textContent = `the first ${list.length} of ${all.toLocaleString("en-US")}`;
    if (moved) {
      moved = false;
      if (at < 0) return put({ picture: list[0].index });
    }
    const chosen = at >= 0 ? list[at] : files.get(`image/${wanted}`)?.[0]; // Python may choose one beyond the wall
    if (!chosen) return void want(`image/${wanted}`);
    wall.set({
      total: list.length,
      chosen: at,
      name: k => `Image ${list[k].index}, ${classes[list[k].label]}`,
      pixels: k => list[k].pixels,
    });
    drawStrip(chosen);
    drawLarge(chosen);
  }

  function drawStrip(chosen) {
    const augment = { flip: model.get("flip"), shift: model.get("shift"), cutout: model.get("cutout") };
    const key = JSON.stringify([augment, model.get("seed"), chosen.index]);
    if (key !== drawn) {
      drawn = key;
      const random = randomNumbers(model.get("seed"));
      draws = Array.from({ length: DRAWS }, () => {
        const one = drawChange(augment, random);
        return { change: one, pixels: changed(chosen.pixels, one, mean) };
      });
    }
    strip.set({
      total: DRAWS + 1,
      chosen: inspected,
      caption: k => (k ? inSigns(draws[k - 1].change) : "original"),
      name: k => (k ? `Draw ${k}: ${inWords(draws[k - 1].change)}` : "The picture itself"),
      pixels: k => (k ? draws[k - 1].pixels : chosen.pixels),
    });
  }

  function drawLarge(chosen) {
    const pixels = inspected ? draws[inspected - 1].pixels : chosen.pixels;
    const title = `${classes[chosen.label]}, image ${chosen.index.toLocaleString("en-US")}`;
    const one = inspected ? draws[inspected - 1].change : null;
    const done = one ? `Draw ${inspected}: ${inWords(one)}` : "Original";
    name.textContent = title;
    which.textContent = one ? `draw ${inspected}` : "original";
    const blank = one?.hole ? " The blank has the mean colour, 0 once normalised." : "";
    change.textContent = one ? `${done}.${blank}` : "Choose a draw below to look at its pixels.";
    paintBytes(large.canvas, pixels, SIDE, SIDE);
    const [row, column] = under ?? model.get("pixel");
    const from = (row * SIDE + column) * 3;
    large.place(row, column);
    place.textContent = `row ${row}, column ${column}`;
    channels.forEach((view, c) => {
      let sum = 0;
      paint(view.canvas, SIDE, SIDE, i => {
        const value = pixels[i * 3 + c];
        sum += value;
        return [value, value, value];
      });
      means.cells[c].textContent = String(Math.round(sum / SIDE ** 2));
      raw.cells[c].textContent = String(Math.round(pixels[from + c]));
      scaled.cells[c].textContent = fixed((pixels[from + c] / 255 - mean[c]) / std[c]);
    });
    swatch.style.background = `rgb(${[0, 1, 2].map(c => Math.round(pixels[from + c])).join(",")})`;
    for (const view of [large, ...channels]) view.mark(row, column, 1, 1);
    const numbers = CHANNELS.map((channel, c) => `${channel} ${raw.cells[c].textContent}`).join(", ");
    say(`${title}, ${done}. Row ${row}, column ${column}: ${numbers}.`);
  }

  redraw();
  return () => {
    unbind();
    close();
  };
}
