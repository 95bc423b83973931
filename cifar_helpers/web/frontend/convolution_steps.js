// A convolution step by step: the window moves, the sum is written out, and the output fills up.
import { h, mount, framed, binding, write } from "./ui.js";
import { at, grey, largest, paint } from "./colour.js";
import { clamp, fixed } from "./numbers.js";
import { button, segmented, slider } from "./controls.js";
import { numberGrid } from "./grid.js";
import { picture } from "./picture.js";
import { slidingOf, outputSize, sizeFormula, windowAt, convolve, isSigned, roundedProducts } from "./convolution.js";
import { NEAR, signOf, short, slidingFields, kernelChips, meaning, sumLine, slidingViews } from "./convolution.js";
import shared from "./convolution.css";
import styles from "./convolution_steps.css";

const SIDE = 3; // of the kernels
const PACE = [700, 300]; // ms for a step of the play: in the first row and to each new one, and when the rule is clear
const STREAK = 3; // so many right predictions in a row are enough
const FAINT = 1; // sums of uniform areas are far below it, and keep pale colours
/** What is asked: how near two numbers count as equal, the question, names of −1, 0 and 1, and the choices. */
const SIGN = {
  near: NEAR,
  text: "Will the sum be",
  names: ["negative", "near zero", "positive"],
  choices: ["− negative", `≈ near zero (±${NEAR})`, "+ positive"],
};
/** For kernels without negative numbers, whose sums have but one sign. */
const HEIGHT = {
  near: 0.05,
  text: "Compared with the pixel in the middle, will the sum be",
  names: ["lower", "about equal", "higher"],
  choices: ["− lower", "≈ about equal (±0.05)", "+ higher"],
};
/** Kernels that compare two sides: what is added and what is taken away. */
const COMPARED = {
  "Sobel, vertical edges": { kind: "column", sides: ["right", "left"], places: [[2, 5, 8], [0, 3, 6]] },
  "Sobel, horizontal edges": { kind: "row", sides: ["lower", "upper"], places: [[6, 7, 8], [0, 1, 2]] },
};
const PLAIN = { padding: 0, stride: 1, dilation: 1 };

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
  const settings = ["image", "corner", "kernel", "padding", "stride", "dilation", "predicting"];
  const laid = settings.map(name => [name, () => relay()]);
  const traits = binding(model, Object.fromEntries([...drawn, ...laid]));
  /** Steps whose sign was predicted, and whether rightly. @type {Map<number, boolean>} */
  let predicted = new Map();
  /** Signs of the right predictions since the last wrong one. @type {number[]} */
  let streak = [];
  let furthest = 0; // the last step whose sum was shown: looking back keeps the later ones
  let laidOut = ""; // the settings of which these are
  let laidAt = 0; // the step with which they began, until it is left: nobody saw the sums up to it come
  let playing = 0;
  let image;
  let kernel;
  let output;
  let colour; // of a sum, which other settings leave as it is
  let share; // of the way from one end of the key to the other
  let landing = 0; // the step whose number appears when the frame is there
  let bar; // the slider: made again when the number of steps changes

  const sliding = () => slidingOf(model);
  const count = () => output.height * output.width;
  const step = () => Math.min(model.get("step"), count());
  const question = () => (kernel.some(v => v < 0) ? SIGN : HEIGHT);
  const windowOf = k => windowAt(image, SIDE, sliding(), Math.floor((k - 1) / output.width), (k - 1) % output.width);
  /** What a sum is compared with. */
  const levelAt = k => (question() === SIGN ? 0 : windowOf(k)[4] ?? 0);
  const gapAt = k => output.values[k - 1] - levelAt(k);
  const signAt = k => signOf(gapAt(k), question().near);
  const isCopy = () => kernel.every((v, k) => v === Number(k === 4));
  /** Why there is nothing to predict: the answers cannot differ, or do not. */
  const certain = () => {
    if (isCopy()) return "Each sum is the pixel in the middle itself. Choose another kernel to predict.";
    if (output.values.some((_, k) => signAt(k + 1) !== signAt(1))) return "";
    const than = question() === SIGN ? "" : ", compared with the pixel in the middle";
    const all = `All sums here are ${question().names[signAt(1) + 1]}${than}.`;
    return `${all} Choose another kernel or drag the square to predict.`;
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
  const fields = slidingFields(model, { padding: [0, 1, 2], stride: [1, 2, 3], dilation: [1, 2] }, PLAIN, setting);
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

  const guesses = SIGN.choices.map((text, k) => button(text, () => guess(k - 1)));
  const asked = h("b");
  const ask = h("div", { class: "cs-controls", role: "group", "aria-label": "Predict the sum" }, asked, guesses);
  /**
   * The next window to predict: first the clearest one. Then each three right answers in a row are the three there are,
   * as one answer again and again is never enough, in an order that cannot be foreseen; after a wrong one, the answer
   * that came least often is next.
   */
  const following = () => {
    const left = Array.from(output.values, (_, k) => k + 1).filter(k => !predicted.has(k) && k !== step());
    const had = streak.slice(streak.length - (streak.length % STREAK));
    const noise = sign => Math.abs(Math.sin(predicted.size * 78.233 + sign * 37.719) * 43758.5453) % 1;
    const asked = Array.from(predicted.keys(), signAt);
    const times = sign => asked.filter(other => other === sign).length;
    const turns = [-1, 0, 1].map(sign => times(sign) + noise(sign));
    const turn = k => turns[signAt(k) + 1];
    const isHad = k => Number(had.includes(signAt(k)));
    const shuffled = k => (k * 47) % count();
    const size = k => Math.abs(gapAt(k));
    const isClose = k => Number(Math.abs(size(k) / question().near - 1) < 0.5); // to another answer: for later
    const inTurn = (a, b) => [isHad, isClose, turn, shuffled].reduce((way, of) => way || of(a) - of(b), 0);
    return left.sort(predicted.size ? inTurn : (a, b) => size(b) - size(a))[0] ?? step();
  };
  const onward = button("Next window", () => {
    go(following());
    paintAll();
    guesses[0].focus();
  }, { main: true });
  const verdict = h("p", { class: "cs-verdict" });
  const parts = h("p", { class: "cs-parts" });
  const means = meaning();

  const caption = h("span", { class: "cw-cap" }, h("b", {}, "Picture"), ": drag the square");
  const heading = h("div", { class: "cw-head" }, caption);
  // In a fold of its own: lesson 02 tries the fields first, and then asks for the formula.
  const folded = h("details", { class: "cs-formula" }, h("summary", {}, "Formula for the size"), formula);
  const more = h("details", { class: "cs-more" }, fields.summary, h("div", {}, fields.nodes, folded));
  views.stage.append(
    h("figure", { class: "cs-whole" }, heading, whole.view), more,
    h("div", { class: "cs-views" }, views.input.figure, views.output.figure), line.node,
    h("div", { class: "cs-predict" }, ask, verdict, parts, means.node, onward),
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
      const isSlow = step() < output.width || step() % output.width === 0; // the window goes back to the left
      playing = setTimeout(proceed, PACE[isSlow ? 0 : 1]);
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
    pause();
    landing = 0;
    root.removeAttribute("data-slides");
    whole.set(model.get("corner"));
    const rows = model.get("image");
    const how = sliding();
    image = { values: Float64Array.from(rows.flat()), height: rows.length, width: rows[0].length };
    kernel = model.get("presets")[model.get("kernel")].flat();
    output = convolve(image, kernel, how);
    const now = JSON.stringify(settings.map(name => model.get(name)));
    if (now !== laidOut) [predicted, streak, furthest, laidOut, laidAt] = [new Map(), [], 0, now, step()];
    const limit = Math.max(FAINT, largest(convolve(image, kernel, PLAIN).values));
    const [signed, table] = [isSigned(kernel), colours()];
    const [least, most] = signed ? [-limit, limit] : [0, 1];
    colour = v => (signed ? at(table, v / limit) : grey(v));
    share = v => (v - least) / (most - least);
    views.key.set(colour, least, most, [output.values]);
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

  const isSmall = columns => columns > 8;
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
    const [isAsked, sure] = [asks(), model.get("predicting") && certain()];
    if (now !== laidAt) {
      if (now > Math.max(furthest, laidAt) && root.hasAttribute("data-slides") && !isAsked) landing = now;
      [furthest, laidAt] = [Math.max(furthest, now), 0];
    }
    const known = k => sure || (isAsked ? predicted.has(k + 1) : k < Math.max(furthest, now));
    grids[1].set(
      output.values, (v, k) => (known(k) ? colour(v) : null),
      (v, k) => (known(k) ? written(v, output.width) : k + 1 === now ? "?" : ""),
    );
    grids[1].cells.forEach((cell, k) => cell.classList.toggle("cs-lands", k + 1 === landing));
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
    root.toggleAttribute("data-predicts", predicting);
    row.hidden = !isAsked;
    ask.hidden = !secret;
    verdict.hidden = !isAsked || secret;
    parts.hidden = !predicting || secret;
    onward.hidden = verdict.hidden || predicted.size === count();
    means.set(model.get("kernel"), signOf(value));
    // It would give the answer away, or is said already.
    means.node.hidden = secret ? question() === SIGN : sure && isCopy();
    const { near, text: wanted, names, choices } = question();
    write(asked, wanted);
    guesses.forEach((node, k) => write(node, choices[k]));
    verdict.textContent = "";
    parts.textContent = sure || "";
    if (predicted.has(now)) {
      const sign = signAt(now);
      const within = sign === 0 ? ` (within ±${near})` : "";
      const right = predicted.get(now);
      const done = streak.length === STREAK ? " Three in a row: done." : "";
      verdict.textContent = `${right ? "✓ Right" : "✗ No"}: ${sum} is ${names[sign + 1]}${within}.${done}`;
      verdict.dataset.right = String(right);
      parts.textContent = reason(seen, sign);
    }
    for (const [k, dot] of [...dots.children].entries()) dot.toggleAttribute("data-on", k < streak.length);
    dots.setAttribute("aria-label", `${Math.min(streak.length, STREAK)} of ${STREAK}`);
    const told = `: sum ${sum}. ${verdict.textContent} ${parts.textContent}`;
    say(text + (secret ? `. ${wanted} ${names.join(", ")}?` : told));
  }

  /** Why a sum is what it is. */
  function reason(seen, sign) {
    const pixels = seen.map(v => v ?? 0);
    const add = list => list.reduce((a, b) => a + b, 0);
    if (question() === HEIGHT) {
      const middle = pixels[4];
      const [below, above] = [-1, 1].map(way => fixed(add(pixels.map(v => Math.max(0, (v - middle) * way)))));
      const beside = `In total, darker neighbours are ${below} below it, brighter ones ${above} above.`;
      return `The pixel in the middle is ${fixed(middle)}. ${beside}`;
    }
    const products = roundedProducts(seen, kernel);
    const { kind, sides, places } = COMPARED[model.get("kernel")] ?? {};
    if (!sides) {
      const [less, more] = [-1, 1].map(way => fixed(add(products.filter(v => v * way > 0))));
      return `Negative products: ${less}. Positive products: ${more}.`;
    }
    const [plus, minus] = places.map(side => fixed(Math.abs(add(side.map(k => products[k])))));
    const words = `The ${sides[0]} ${kind} adds ${plus}, the ${sides[1]} takes away ${minus}`;
    if (sign === 0) return `${words}: they nearly cancel.`;
    // The middle of a side counts twice in the sum, but not in what is brighter.
    const [first, second] = places.map(side => add(side.map(k => pixels[k])));
    return (first - second) * sign > 0 ? `${words}: the ${sides[sign > 0 ? 0 : 1]} is brighter.` : `${words}.`;
  }

  const draw = framed(paintAll);
  root.addEventListener("keydown", event => {
    if (event.key === "Escape") pause();
  });
  relay();
  return () => {
    pause();
    traits.close();
    views.close();
    close();
  };
}
