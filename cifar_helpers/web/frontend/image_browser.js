// A data set to look through: a wall of pictures, one of them enlarged with its numbers, and draws of its augmentation.
import styles from "./image_browser.css";
import { h, canvas, mount, framed, binding, loader } from "./ui.js";
import { grey, paint, paintBytes } from "./colour.js";
import { clamp, fixed, percent, show } from "./numbers.js";
import { button, cellUnder, field, segmented } from "./controls.js";
import { numberGrid } from "./grid.js";
import { picture } from "./picture.js";
import { imageWall, unpackPictures, wallStyles } from "./image_wall.js";
import { again } from "./loading.js";

const SIDE = 32;
const PER_PAGE = 24;
const DRAWS = 7;
const POINT = `${matchMedia("(pointer: coarse)").matches ? "Touch" : "Point at"} a pixel.`;
const AROUND = 5; // rows and columns of the numbers around a pixel
const MANY = 1000; // versions of a picture: of so many, a run of some tens of epochs seldom draws one again
const TOO_FAR = 1 / 3; // of a picture: a draw that loses more may hide what the label names
const CHANNELS = ["red", "green", "blue"];
const CHOICES = {
  flip: ["flip", "Flip", [false, true]],
  shift: ["shift up to", "Shift by up to, in pixels", [0, 2, 4, 8]],
  cutout: ["cutout", "Side of the covered square, in pixels", [0, 8, 12, 16]],
};

// Random numbers from 0 to 1, the same for the same seed (mulberry32).
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

// Draws what `Augment` of cifar_helpers.data draws.
function drawChange({ flip, shift, cutout }, random) {
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

const commas = count => count.toLocaleString("en-US");

const isIn = (hole, y, x) =>
  hole && y >= hole.top && y < hole.top + hole.side && x >= hole.left && x < hole.left + hole.side;

// A picture after a change: mirrored, then moved with its border filled by reflection, then blanked with the mean.
function changed(pixels, { mirrored, down, right, hole }, mean) {
  const out = new Float32Array(pixels.length);
  const reflected = k => (k < 0 ? -k : k >= SIDE ? 2 * (SIDE - 1) - k : k);
  for (let y = 0, o = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const column = reflected(x - right);
      const from = (reflected(y - down) * SIDE + (mirrored ? SIDE - 1 - column : column)) * 3;
      const blank = isIn(hole, y, x);
      for (let c = 0; c < 3; c++, o++) out[o] = blank ? mean[c] * 255 : pixels[from + c];
    }
  }
  return out;
}

function inWords({ mirrored, down, right, hole }) {
  const parts = [
    mirrored ? "mirrored" : "",
    down ? `${Math.abs(down)} ${down > 0 ? "down" : "up"}` : "",
    right ? `${Math.abs(right)} ${right > 0 ? "right" : "left"}` : "",
    hole ? `covered from row ${hole.top}, column ${hole.left}` : "",
  ];
  return parts.filter(Boolean).join(", ") || "unchanged";
}

/** A square that is covered can be seen, so it is not named. */
function inSigns({ mirrored, down, right, hole }) {
  const parts = [
    mirrored ? "flip" : "",
    down ? `${down > 0 ? "↓" : "↑"}${Math.abs(down)}` : "",
    right ? `${right > 0 ? "→" : "←"}${Math.abs(right)}` : "",
  ];
  return parts.filter(Boolean).join(" ") || (hole ? "not moved" : "unchanged");
}

/** @param {{model: any, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host */
export function render({ model, el, load }) {
  const [classes, counts, mean, std] = ["classes", "counts", "mean", "std"].map(name => model.get(name));
  const augment = () => Object.fromEntries(Object.keys(CHOICES).map(name => [name, model.get(name)]));
  const files = new Map(); // lists of pictures; null while one is on its way
  let list = [];
  let shown = ""; // what the pictures were drawn for: a move of the pointer changes only the numbers
  let draws = []; // changes with their pixels
  let inspected = 0; // 0 is the picture itself, k its draw k
  let pointed = 0; // the draw under the pointer
  let under = null; // the pixel under the pointer
  let looked = false; // into the square of a draw, whose numbers are to be predicted
  let corner = [0, 0]; // of the numbers that are shown
  let moved = false; // to other pictures, the first of which is chosen once it is here

  const redraw = framed(draw);
  const { root, say, close } = mount(el, "image_browser", "Image browser", styles + wallStyles, redraw);
  const get = load ?? loader(model, root);
  const heard = ["label", "picture", "order", "seed", "pixel", ...Object.keys(CHOICES)];
  const state = binding(model, Object.fromEntries(heard.map(name => [name, redraw])));
  const put = values => {
    state.set(values);
    redraw();
  };
  const go = values => {
    inspected = 0;
    moved = true;
    put(values);
  };
  const augmenting = values => {
    inspected ||= 1; // look at what is being changed
    put(values);
  };
  const mark = (row, column) => {
    looked ||= isCovered(row, column);
    put({ pixel: [row, column] });
  };
  const isCovered = (y, x) => isIn(draws[inspected - 1]?.change.hole, y, x);

  const offered = classes.filter((_, k) => counts[k]);
  const label = segmented(
    "Class",
    ["all", ...offered].map(name => ({ value: name, text: name })),
    model.get("label"),
    value => go({ label: value }),
  );
  const wall = imageWall("Pictures", PER_PAGE, k => {
    inspected = 0;
    put({ picture: list[k].index });
  });
  const of = h("span", { class: "cw-cap" });
  const shuffle = button("Shuffle", () => go({ order: model.get("order") + 1 }), { name: "Draw other pictures" });
  shuffle.hidden = Boolean(load); // a stored page has no others

  const name = h("b");
  const which = h("span");
  const views = ["picture", ...CHANNELS.map(channel => `${channel} channel`)].map(title => {
    const view = picture(`Pixels of the ${title}: point at one, or use arrow keys`, {
      rows: SIDE, columns: SIDE, moved: mark,
    });
    const point = place => {
      under = place;
      if (place) looked ||= isCovered(...place);
      redraw();
    };
    view.node.addEventListener("pointermove", event => {
      point(event.buttons ? null : cellUnder(view.node, event, SIDE, SIDE));
    });
    view.node.addEventListener("pointerleave", () => point(null));
    return view;
  });
  const [large, ...channels] = views;
  const around = h("i", { class: "ib-around" });
  large.node.append(around);
  const [range, hint] = [h("p"), h("p")];
  const [place, triple] = [h("span"), h("span")];
  const swatch = h("i", { class: "ib-swatch", "aria-hidden": "true" });
  const windows = CHANNELS.map(channel => numberGrid(AROUND, AROUND, `The ${channel} channel around the pixel`));
  for (const { cells } of windows) {
    cells.forEach((cell, k) => cell.addEventListener("click", () => {
      under = null;
      mark(corner[0] + Math.floor(k / AROUND), corner[1] + (k % AROUND));
    }));
  }
  const columnHeads = CHANNELS.map(channel => {
    return h("th", { scope: "col", class: `ib-${channel}` }, `${channel}, 0 to 255`);
  });
  const sums = CHANNELS.map(() => h("span", { class: "cw-cap" }));
  const scaled = CHANNELS.map(() => h("b"));
  const extreme = (most, end) => // of the three channels, rounded to a tenth
    fixed(most(...mean.map((middle, c) => (end - middle) / std[c])), 1);
  const row = (head, cells) => h("tr", {}, h("th", { scope: "row" }, head), cells);
  const values = h(
    "table", { class: "ib-values" },
    h("thead", {}, h("tr", {}, h("td"), columnHeads)),
    h(
      "tbody", {},
      row(
        [h("b", {}, "The picture is numbers"), range, h("div", { class: "ib-spot" }, swatch, place, triple), hint],
        windows.map(each => h("td", {}, each.node)),
      ),
      row(
        [
          h("b", {}, "normalised"), " (value − mean) / std of the training images; ",
          `all values from ${extreme(Math.min, 0)} to ${extreme(Math.max, 1)}`,
        ],
        CHANNELS.map((_, c) => h("td", {}, sums[c], scaled[c])),
      ),
    ),
  );

  const controls = Object.entries(CHOICES).map(([trait, [words, title, options]]) => {
    const texts = options.map(value => ({ value, text: { false: "off", true: "on" }[value] ?? String(value) }));
    const control = segmented(title, texts, model.get(trait), value => augmenting({ [trait]: value }));
    return { trait, control, node: field(words, control) };
  });
  const anew = button("Draw again", () => augmenting({ seed: model.get("seed") + 1 }), { main: true });
  const strip = imageWall("The picture and draws of its augmentation", DRAWS + 1, k => {
    inspected = k;
    redraw();
  });
  for (const type of ["pointermove", "pointerleave"]) {
    strip.node.addEventListener(type, event => {
      const slot = type === "pointermove" && event.target.closest(".iw-slot");
      const k = slot ? [...strip.node.children].indexOf(slot) : 0;
      if (k === pointed) return;
      pointed = k;
      told.textContent = toldOf(pointed || inspected);
    });
  }
  const why = h("p", { class: "ib-why" });
  const [told, key] = [h("p"), h("p")];
  const copy = canvas(SIDE, SIDE); // of the large picture, beside the draws where that is out of sight

  root.append(
    h("div", { class: "cw-bar" }, label.node),
    h(
      "div", { class: "ib-all" },
      h(
        "div", { class: "ib-main" },
        h(
          "div", {},
          h("div", { class: "cw-head" }, h("b", {}, "Pictures"), of),
          wall.node,
          h("div", { class: "ib-under" }, shuffle, wall.pager),
        ),
        h(
          "div", { class: "ib-one" },
          h("div", { class: "cw-head ib-head" }, name, which),
          h(
            "div", { class: "ib-close" },
            large.node,
            h(
              "div", { class: "ib-channels" },
              channels.map(({ node }, c) =>
                h("div", {}, h("span", { class: `cw-cap ib-${CHANNELS[c]}` }, CHANNELS[c]), node),
              ),
            ),
          ),
        ),
      ),
      values,
      h(
        "div", { class: "cw-foot ib-foot" },
        h("div", { class: "cw-bar" }, h("b", {}, "Augmentation"), controls.map(each => each.node), anew),
        why, strip.node,
        h("div", { class: "ib-copy" }, copy),
        h("div", { class: "cw-cap ib-done" }, told, key),
      ),
    ),
  );

  /** A file, if it is here; else it is asked for. */
  function file(key) {
    if (!files.has(key)) {
      files.set(key, null);
      get(key).then(
        bytes => {
          files.set(key, unpackPictures(bytes));
          redraw();
        },
        error => {
          of.textContent = `The pictures could not be loaded: ${error.message}. ${again(model)}`;
        },
      );
    }
    return files.get(key);
  }

  function draw() {
    const [kind, order] = [model.get("label"), model.get("order")];
    label.set(kind);
    for (const { trait, control } of controls) control.set(model.get(trait));
    const group = file(`class/${kind}/${order}`);
    if (!group) return;
    list = group;
    if (moved) {
      moved = false;
      state.set({ picture: list[0].index });
    }
    const wanted = model.get("picture");
    const at = list.findIndex(each => each.index === wanted);
    const chosen = at >= 0 ? list[at] : file(`image/${wanted}`)?.[0]; // Python may choose one beyond the wall
    if (!chosen) return;
    const key = JSON.stringify([kind, order, wanted, inspected, model.get("seed"), augment()]);
    if (key !== shown) {
      shown = key;
      drawWall(kind, order, at);
      drawStrip(chosen);
      drawLarge(chosen);
    }
    drawNumbers(chosen);
  }

  function drawWall(kind, order, at) {
    const all = kind === "all" ? counts.reduce((a, b) => a + b, 0) : counts[classes.indexOf(kind)];
    const some = `${list.length} of ${commas(all)}`;
    of.textContent = list.length === all ? `all ${all}` : order ? `${some}, drawn at random` : `the first ${some}`;
    wall.pager.hidden = list.length <= PER_PAGE;
    wall.set({
      total: list.length,
      chosen: at,
      name: k => `Image ${list[k].index}, ${classes[list[k].label]}`,
      pixels: k => list[k].pixels,
    });
  }

  function drawStrip(chosen) {
    const random = randomNumbers(model.get("seed"));
    draws = Array.from({ length: DRAWS }, () => {
      const change = drawChange(augment(), random);
      return { change, pixels: changed(chosen.pixels, change, mean) };
    });
    strip.set({
      total: DRAWS + 1,
      chosen: inspected,
      caption: k => (k ? inSigns(draws[k - 1].change) : "original"),
      name: k => (k ? `Draw ${k}: ${inWords(draws[k - 1].change)}` : "The picture itself"),
      pixels: k => (k ? draws[k - 1].pixels : chosen.pixels),
    });
  }

  /** What augmentation is for, when it goes too far, and how to read its draws. */
  function drawWhy(chosen) {
    const { flip, shift, cutout } = augment();
    const versions = (flip ? 2 : 1) * (2 * shift + 1) ** 2 * (cutout ? (SIDE - cutout + 1) ** 2 : 1);
    const pushedOut = 1 - ((SIDE - shift) / SIDE) ** 2;
    const covered = (cutout / SIDE) ** 2;
    const lost = pushedOut + covered; // at most: a square may cover only what has not left
    const label = classes[chosen.label];
    const tooFar = `Once the ${label} is hidden, its label teaches something false.`;
    const drawn = `The label stays ${label}. Each epoch draws one of ${commas(versions)} versions`;
    why.textContent = versions === 1
      ? "No augmentation is on: each epoch shows the same picture."
      : lost > TOO_FAR
        ? `Up to ${percent(lost)} of the picture can be lost. ${tooFar}`
        : `${drawn}${versions < MANY ? "" : ": hard to learn by heart"}.`;
    key.textContent = [
      shift && `at most ${percent(pushedOut)} pushed out`,
      cutout && `grey: ${percent(covered)} covered`,
    ].filter(Boolean).join("; ");
  }

  function toldOf(k) {
    if (!k) return "Choose a draw to see its pixels.";
    const { change } = draws[k - 1];
    return `${inWords(change)}${change.down || change.right ? ", border reflected" : ""}`;
  }

  function drawLarge(chosen) {
    const pixels = pixelsOf(chosen);
    name.textContent = `${classes[chosen.label]}, image ${commas(chosen.index)}`;
    which.textContent = inspected ? `· draw ${inspected}` : "· original";
    told.textContent = toldOf(pointed || inspected);
    drawWhy(chosen);
    for (const surface of [large.canvas, copy]) paintBytes(surface, pixels, SIDE, SIDE);
    channels.forEach((view, c) => paint(view.canvas, SIDE, SIDE, i => Array(3).fill(pixels[i * 3 + c])));
  }

  function pixelsOf(chosen) {
    return inspected ? draws[inspected - 1].pixels : chosen.pixels;
  }

  /** The pixel that is pointed at, and those around it. */
  function drawNumbers(chosen) {
    const pixels = pixelsOf(chosen);
    const [y, x] = under ?? model.get("pixel");
    const from = (y * SIDE + x) * 3;
    const isMarked = [y, x].every((k, axis) => k === model.get("pixel")[axis]);
    place.textContent = `Row ${y}, column ${x}, both from 0`;
    const isOpen = looked || !isCovered(y, x);
    const [top, left] = (corner = [y, x].map(k => clamp(k - (AROUND - 1) / 2, 0, SIDE - AROUND)));
    hint.textContent = !isCovered(y, x)
      ? isMarked ? POINT : "Click to mark this pixel."
      : isOpen ? "Cutout fills with the mean: 0 after normalising." : "Predict, then press the mark.";
    const here = (y - top) * AROUND + x - left;
    const near = windows[0].cells.map((_, k) => ((top + Math.floor(k / AROUND)) * SIDE + left + (k % AROUND)) * 3);
    const isWhole = near.every(k => [0, 1, 2].every(c => Number.isInteger(pixels[k + c]))); // a mean is not
    range.textContent = isWhole
      ? "Each pixel is three of them: 0 is dark, 255 bright."
      : "Numbers of the cutout are not whole; they are rounded here.";
    windows.forEach((window, c) => {
      window.set(near.map(k => Math.round(pixels[k + c])), value => grey(value / 255), String);
      window.cells.forEach((cell, k) => cell.classList.toggle("ib-here", k === here));
      const terms = [pixels[from + c], mean[c] * 255, std[c] * 255];
      const [value, middle, spread] = terms.map(each => show(+each.toFixed(1)));
      sums[c].textContent = isOpen ? `(${value} − ${middle})/${spread}` : "";
      scaled[c].textContent = isOpen ? fixed((pixels[from + c] / 255 - mean[c]) / std[c]) : "?";
    });
    const numbers = CHANNELS.map((_, c) => Math.round(pixels[from + c]));
    swatch.style.background = `rgb(${numbers.join(",")})`;
    triple.textContent = CHANNELS.map((channel, c) => `${numbers[c]} ${channel}`).join(", ");
    large.mark(y, x, 1, 1);
    around.style.cssText = `top:${(top / SIDE) * 100}%;left:${(left / SIDE) * 100}%`;
    for (const view of views) view.place(...model.get("pixel"));
    for (const view of channels) view.mark(top, left, AROUND, AROUND);
    const spoken = CHANNELS.map((channel, c) => `${channel} ${numbers[c]}`).join(", ");
    say(`${name.textContent} ${which.textContent}. Row ${y}, column ${x}: ${spoken}.`);
  }

  redraw();
  return () => {
    state.close();
    close();
  };
}
