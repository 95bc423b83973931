// A convolution step by step: the window moves, the sum is written out, and the output fills up.
import { h, mount, framed, binding } from "./ui.js";
import { at, grey, largest, paint } from "./colour.js";
import { clamp, fixed, roundedToSum } from "./numbers.js";
import { button, segmented, slider } from "./controls.js";
import { numberGrid } from "./grid.js";
import { picture } from "./picture.js";
import { slidingOf, outputSize, sizeFormula, windowAt, convolve, isSigned, short } from "./convolution.js";
import { slidingFields, kernelChips, sumLine, slidingViews } from "./convolution.js";
import shared from "./convolution.css";
import styles from "./convolution_steps.css";

const SIDE = 3; // of the kernels
const PACE = [700, 200]; // ms for a step of the play: in the first row, and when the rule is clear
const STREAK = 3; // so many right predictions in a row are enough
const NEAR = 0.1; // a sum nearer to zero than this counts as near zero
const SIGNS = ["negative", "near zero", "positive"]; // −1, 0 and 1
const CHOICES = ["− negative", `≈ near zero (±${NEAR})`, "+ positive"];

const PLAIN = { padding: 0, stride: 1, dilation: 1 };
/** What a sum says: one sentence, or one each for a positive, a negative and a small sum. */
const MEANINGS = {
  identity: ["Each sum is the pixel in the middle itself."],
  blur: ["Each sum is the mean of the nine pixels."],
  sharpen: ["Differences from the neighbours are exaggerated; uniform areas stay as they are."],
  "Sobel, vertical edges": ["Orange: brighter on the right.", "Purple: brighter on the left.", "Near 0: both sides balance."],
  "Sobel, horizontal edges": ["Orange: brighter below.", "Purple: brighter above.", "Near 0: both sides balance."],
  emboss: ["A relief: bright areas are raised, with light from the upper left."],
};
const PART = { 1: 0, "-1": 1, 0: 2 }; // of such a meaning, by the sign of the sum

const signOf = value => (Math.abs(value) < NEAR ? 0 : Math.sign(value));

/** The whole picture, small, with a frame to be moved where the square lies, whose sides are shares of it. */
function wholePicture(rows, side, moved) {
  const [height, width] = [rows.length, rows[0].length];
  const corner = (at, size) => clamp(at - Math.floor(side / 2), 0, size - side);
  const view = picture("", {
    rows: height, columns: width, moved: (row, column) => moved(corner(row, height), corner(column, width)),
  });
  paint(view.canvas, height, width, i => grey(rows[Math.floor(i / width)][i % width]));
  let square = [];
  return {
    view: view.node,
    square: () => square,
    set([top, left]) {
      square = [left / width, top / height, (left + side) / width, (top + side) / height];
      const place = `The whole picture; the square begins in row ${top}, column ${left}.`;
      view.node.setAttribute("aria-label", `${place} Arrow keys move it, with shift by five.`);
      view.mark(top, left, side, side);
      view.place(top + Math.floor(side / 2), left + Math.floor(side / 2));
    },
  };
}

/**
 * @param {{model: any, el: HTMLElement}} host
 * @returns {() => void}
 */
export function render({ model, el }) {
  const { root, colours, say, close } = mount(
    el, "convolution_steps", "A convolution step by step", shared + styles, () => relay(),
  );
  const drawn = ["step", "score"].map(name => [name, () => draw()]);
  const laid = ["image", "corner", "kernel", "padding", "stride", "dilation", "predicting"].map(name => [name, () => relay()]);
  const traits = binding(model, Object.fromEntries([...drawn, ...laid]));
  /** Steps whose sign was predicted, and whether rightly. @type {Map<number, boolean>} */
  let predicted = new Map();
  /** Signs of the right predictions since the last wrong one. @type {number[]} */
  let streak = [];
  let furthest = 0; // the last step whose sum was shown: looking back keeps the later ones
  let laidOut = ""; // the settings of which these are
  let playing = 0;
  let image;
  let kernel;
  let output;
  let colour; // of a sum, which other settings leave as it is
  let share; // of the way from one end of the key to the other
  let isPhone = false;
  let bar; // the slider: made again when the number of steps changes

  const sliding = () => slidingOf(model);
  const count = () => output.height * output.width;
  const step = () => Math.min(model.get("step"), count());
  const signAt = k => signOf(output.values[k - 1]);
  /** Why there is nothing to predict: the sums cannot differ, or do not. */
  const certain = () => {
    if (kernel.every(v => v >= 0)) return "No number of this kernel is negative, so no sum can be. Choose another one to predict.";
    const isOne = output.values.every(v => signOf(v) === signAt(1));
    return isOne && `All sums here are ${SIGNS[signAt(1) + 1]}. Choose another kernel or drag the square to predict.`;
  };
  const asks = () => model.get("predicting") && !certain();
  const hidden = () => asks() && !predicted.has(step());
  const placeOf = () => [Math.floor((step() - 1) / output.width), (step() - 1) % output.width];
  const go = to => {
    const next = clamp(to, 1, count());
    if (next === model.get("step")) return;
    root.toggleAttribute("data-slides", Math.abs(next - model.get("step")) === 1);
    traits.set({ step: next });
    views.mark(...placeOf());
    draw();
  };
  const jump = to => {
    pause();
    go(to);
  };
  /** A change of a setting: the window stays as near as it can to where it is. */
  const setting = values => {
    const from = sliding();
    // The middle of a window lies `dilation` after its upper left corner.
    const middle = placeOf().map(place => place * from.stride - from.padding + from.dilation);
    traits.set(values);
    const how = sliding();
    const sides = [image.height, image.width].map(size => outputSize(size, SIDE, how));
    const [row, column] = middle.map((at, k) => {
      const place = Math.round((at + how.padding - how.dilation) / how.stride);
      return clamp(place, 0, sides[k] - 1);
    });
    traits.set({ step: row * sides[1] + column + 1 });
    relay();
  };

  const line = sumLine();
  const moved = (row, column) => jump(row * output.width + column + 1);
  const side = model.get("image").length;
  const whole = wholePicture(model.get("whole"), side, (top, left) => {
    if (String([top, left]) === String(model.get("corner"))) return;
    const image = model.get("whole").slice(top, top + side).map(row => row.slice(left, left + side));
    setting({ corner: [top, left], image });
  });
  const views = slidingViews(line, ["Image", "Output"], moved, { node: whole.view, square: whole.square });
  const grids = [];

  // Controls
  const chips = kernelChips(model.get("presets"), (_, name) => setting({ kernel: name }));
  const fields = slidingFields(model, { padding: [0, 1, 2], stride: [1, 2, 3], dilation: [1, 2] }, setting);
  const formula = h("div", { class: "cw-cap" });
  const modes = segmented(
    "Mode", [{ value: false, text: "Watch" }, { value: true, text: "Predict" }], false,
    predicting => {
      setting({ predicting });
      if (predicting) go(following()); // the sum of this window has just been seen
    },
  );
  const play = button("Play", () => (playing ? pause() : start()), { main: true });
  const next = button("Step", () => jump(step() + 1));
  const where = h("span", { class: "cs-at" });
  const track = h("div", { class: "cs-track" });
  const dots = h("span", { class: "cs-dots", role: "img" }, Array.from({ length: STREAK }, () => h("i")));
  const row = h("span", { class: "cs-row" }, dots, "right in a row");

  const guesses = CHOICES.map((text, k) => button(text, () => guess(k - 1)));
  const ask = h(
    "div", { class: "cs-controls", role: "group", "aria-label": "Predict the sign of the sum" },
    h("b", {}, "Will the sum be"), guesses,
  );
  /** The next window to predict, of the sign that was right longest ago: one answer again and again is never enough. */
  const following = () => {
    const left = Array.from(output.values, (_, k) => k + 1).filter(k => !predicted.has(k));
    const turn = k => (signAt(k) === signAt(step()) ? STREAK : streak.slice(-STREAK).lastIndexOf(signAt(k)));
    const shuffled = k => (k * 47) % count();
    const isClose = k => Number(Math.abs(Math.abs(output.values[k - 1]) - NEAR) < NEAR / 2); // to another sign: for later
    return left.sort((a, b) => turn(a) - turn(b) || isClose(a) - isClose(b) || shuffled(a) - shuffled(b))[0];
  };
  const onward = button("Next window", () => {
    go(following());
    paintAll();
    guesses[0].focus();
  }, { main: true });
  const verdict = h("span", { class: "cs-verdict" });
  const told = h("div", { class: "cs-controls" }, onward, verdict);
  const parts = h("p", { class: "cs-parts" });
  const meaning = h("p", { class: "cs-meaning" });

  const heading = h("div", { class: "cw-head" }, h("span", { class: "cw-cap" }, h("b", {}, "Picture"), ": drag the square"));
  const words = h("summary", {}, "Padding, stride, dilation");
  // In a fold of its own: lesson 02 tries the fields first, and then asks for the formula.
  const folded = h("details", { class: "cs-formula" }, h("summary", {}, "Formula for the size"), formula);
  const more = h("details", { class: "cs-more" }, words, h("div", {}, fields.nodes, folded));
  views.stage.append(
    h("figure", { class: "cs-whole" }, heading, whole.view), more,
    h("div", { class: "cs-views" }, views.input.figure, views.output.figure), line.node,
    h("div", { class: "cs-predict" }, ask, told, parts, meaning),
  );
  root.append(
    h("div", { class: "cw-bar" }, chips.node),
    h("div", { class: "cs-controls cs-run" }, modes.node, play, next, where, track, row), views.stage,
  );

  function pause() {
    clearTimeout(playing);
    playing = 0;
    play.textContent = "Play";
  }

  function start() {
    if (step() === count()) go(1);
    furthest = step(); // what comes is filled in again
    play.textContent = "Pause";
    draw();
    const later = () => {
      playing = setTimeout(proceed, PACE[step() < output.width ? 0 : 1]);
    };
    const proceed = () => {
      go(step() + 1);
      if (step() === count()) pause();
      else later();
    };
    later();
  }

  function guess(sign) {
    const right = sign === signAt(step());
    const [good, all] = model.get("score");
    predicted.set(step(), right);
    streak = right ? [...streak, sign] : [];
    traits.set({ score: [good + Number(right), all + 1] });
    paintAll();
    onward.focus();
  }

  /** Everything that changes with a setting: sizes, the numbers of the image, the number of steps. */
  function relay() {
    measure();
    pause();
    root.removeAttribute("data-slides");
    whole.set(model.get("corner"));
    const rows = model.get("image");
    const how = sliding();
    image = { values: Float64Array.from(rows.flat()), height: rows.length, width: rows[0].length };
    kernel = model.get("presets")[model.get("kernel")].flat();
    output = convolve(image, kernel, how);
    const settings = JSON.stringify(laid.map(([name]) => model.get(name)));
    if (settings !== laidOut) [predicted, streak, furthest, laidOut] = [new Map(), [], 0, settings];
    const limit = largest(convolve(image, kernel, PLAIN).values);
    const [signed, table] = [isSigned(kernel), colours()];
    const [least, most] = signed ? [-limit, limit] : [0, 1];
    colour = v => (signed ? at(table, v / limit) : grey(v));
    share = v => (v - least) / (most - least);
    views.key.set(colour, least, most, [output.values]);
    meaning.replaceChildren(...MEANINGS[model.get("kernel")].flatMap(text => [h("span", {}, text), " "]));
    const size = image.height + 2 * how.padding;
    root.style.setProperty("--side", size);
    views.fit(SIDE, how, [image.height, image.width], [output.height, output.width]);
    numbers(0, size, size);
    numbers(1, output.height, output.width);
    const padded = windowAt(image, size, { ...how, stride: 1, dilation: 1 }, 0, 0);
    const beyond = k => padded[k] === null;
    grids[0].set(padded, (v, k) => (beyond(k) ? null : grey(v)), (v, k) => (beyond(k) ? "0" : written(v, size)));
    chips.set(kernel, colours());
    fields.refresh();
    formula.replaceChildren(...sizeFormula(image.height, SIDE, how));
    modes.set(model.get("predicting"));
    const stops = Array.from({ length: count() }, (_, k) => k + 1);
    bar = slider("Step", stops, step(), jump, to => `step ${to} of ${count()}`);
    track.replaceChildren(bar.node);
    if (step() !== model.get("step")) traits.set({ step: step() });
    paintAll();
  }

  /** Looked up before anything is written, as it would cost a layout afterwards. A folded section has no width. */
  function measure() {
    isPhone = root.clientWidth > 0 && root.clientWidth < 640;
  }
  const isSmall = columns => columns > (isPhone ? 4 : 8);
  /** A number of a grid; small cells have room for less. */
  const written = (v, columns) => {
    if (!isSmall(columns)) return fixed(v);
    return Math.abs(v) >= 0.995 ? fixed(v, 1) : short(v);
  };

  /** A grid of numbers on one of the two pictures. */
  function numbers(k, rows, columns) {
    const { figure, view: { node } } = [views.input, views.output][k];
    figure.toggleAttribute("data-small", isSmall(columns));
    if (grids[k]?.cells.length === rows * columns) return;
    grids[k]?.node.remove();
    grids[k] = numberGrid(rows, columns, "numbers");
    grids[k].node.setAttribute("aria-hidden", "true");
    figure.style.setProperty("--columns", columns);
    node.prepend(grids[k].node);
  }

  function paintAll() {
    const now = step();
    const how = sliding();
    const place = placeOf();
    const secret = hidden();
    const [asked, sure] = [asks(), model.get("predicting") && certain()];
    furthest = Math.max(furthest, now);
    const known = k => sure || (asked ? predicted.has(k + 1) : k < furthest);
    grids[1].set(
      output.values, (v, k) => (known(k) ? colour(v) : null),
      (v, k) => (known(k) ? written(v, output.width) : k + 1 === now ? "?" : ""),
    );
    const value = output.values[now - 1];
    const seen = windowAt(image, SIDE, how, ...place);
    const sum = line.set(seen, kernel, colours(), secret ? null : colour(value));
    views.tick(secret ? null : share(value));
    views.mark(...place);

    const text = `Step ${now} of ${count()}`;
    where.textContent = text;
    bar.set(now);
    next.setAttribute("aria-disabled", now === count()); // disabled, it would lose the focus
    const predicting = model.get("predicting");
    for (const node of [play, next, where, track]) node.hidden = predicting;
    row.hidden = !asked;
    ask.hidden = !secret;
    told.hidden = !asked || secret;
    parts.hidden = !predicting || secret;
    meaning.hidden = secret;
    const said = meaning.querySelectorAll("span");
    for (const [k, node] of said.entries()) node.toggleAttribute("data-now", k === PART[signOf(value)] || said.length === 1);
    onward.hidden = predicted.size === count();
    verdict.textContent = "";
    parts.textContent = sure || "";
    if (predicted.has(now)) {
      const near = signOf(value) === 0 ? ` (within ±${NEAR})` : "";
      const right = predicted.get(now);
      const done = streak.length === STREAK ? " Three in a row: done." : "";
      verdict.textContent = `${right ? "✓ Right" : "✗ No"}: ${sum} is ${SIGNS[signOf(value) + 1]}${near}.${done}`;
      verdict.dataset.right = String(right);
      const products = roundedToSum(seen.map((v, k) => (v ?? 0) * kernel[k])).parts;
      const add = sign => fixed(products.filter(v => v * sign > 0).reduce((a, b) => a + b, 0));
      parts.textContent = `Negative products: ${add(-1)}. Positive products: ${add(1)}.`;
    }
    for (const [k, dot] of [...dots.children].entries()) dot.toggleAttribute("data-on", k < streak.length);
    dots.setAttribute("aria-label", `${Math.min(streak.length, STREAK)} of ${STREAK}`);
    say(`${text}${secret ? ". Predict the sign of the sum." : `: sum ${sum}. ${verdict.textContent} ${parts.textContent}`}`);
  }

  const draw = framed(() => {
    measure();
    paintAll();
  });
  root.addEventListener("keydown", event => {
    if (event.key === "Escape") pause();
  });
  relay();
  const widths = new ResizeObserver(() => {
    const was = isPhone;
    measure();
    if (isPhone !== was) relay(); // numbers may have more room now, or less
  });
  widths.observe(root);
  return () => {
    widths.disconnect();
    pause();
    traits.close();
    views.close();
    close();
  };
}
