// A convolution step by step: the window moves, the sum is written out, and the output fills up.
import { h, mount, framed, binding } from "./ui.js";
import { at, grey } from "./colour.js";
import { fixed } from "./numbers.js";
import { button, segmented, slider } from "./controls.js";
import { numberGrid } from "./grid.js";
import { picture } from "./picture.js";
import { slidingOf, reachOf, windowAt, convolve, innerLimit, isSigned } from "./convolution.js";
import { plain, traitFields, kernelChips, sumLine, wires } from "./convolution.js";
import shared from "./convolution.css";
import styles from "./convolution_steps.css";

const SIDE = 3; // of the kernels
const PACE = 700; // ms for each step of the play
const NEAR = 0.25; // a sum nearer to zero than this counts as near zero
const SIGNS = ["negative", "near zero", "positive"]; // −1, 0 and 1
const CHOICES = ["− negative", `≈ near zero (±${NEAR})`, "+ positive"];

const signOf = value => (Math.abs(value) < NEAR ? 0 : Math.sign(value));

/**
 * @param {{model: any, el: HTMLElement}} host
 * @returns {() => void}
 */
export function render({ model, el }) {
  const { root, colours, say, close } = mount(
    el, "convolution_steps", "A convolution step by step", shared + styles, () => relay(),
  );
  const traits = binding(model, {
    step: () => draw(), kernel: () => relay(), padding: () => relay(), stride: () => relay(), dilation: () => relay(),
    predicting: () => relay(), score: () => draw(),
  });
  /** Steps whose sign was predicted, and whether rightly. @type {Map<number, boolean>} */
  let predicted = new Map();
  let playing = 0;
  let image;
  let kernel;
  let output;
  let bar; // the slider: made again when the number of steps changes

  const sliding = () => slidingOf(model);
  const count = () => output.height * output.width;
  const step = () => Math.min(model.get("step"), count());
  const hidden = () => model.get("predicting") && !predicted.has(step());
  const go = to => {
    const next = Math.max(1, Math.min(count(), to));
    if (next === model.get("step")) return;
    traits.set({ step: next });
    locate();
    draw();
  };
  const placeOf = () => [Math.floor((step() - 1) / output.width), (step() - 1) % output.width];
  // At the input event and not at the frame: the next key may come before it.
  const locate = () => {
    const [row, column] = placeOf();
    const { stride, dilation } = sliding();
    const middle = (reachOf(SIDE, dilation) - 1) / 2;
    input.view.place(row * stride + middle, column * stride + middle, stride);
    target.view.place(row, column);
  };
  const setting = values => {
    traits.set(values);
    relay();
  };

  // Image and output, as pictures that hold numbers
  const grid = (name, words, moved) => {
    const view = picture(words, { rows: 1, columns: 1, moved });
    const size = h("span", { class: "cw-cap" });
    const aside = h("span", { class: "cw-cap" });
    const head = h("div", { class: "cw-head" }, h("span", { class: "cw-cap" }, h("b", {}, name), size), aside);
    return { view, size, aside, cells: null, figure: h("figure", {}, head, view.node) };
  };
  const input = grid("Image ", "The image. Arrow keys move the window.", (y, x) => {
    const { stride, dilation } = sliding();
    const middle = (reachOf(SIDE, dilation) - 1) / 2;
    const place = (pixel, size) => Math.max(0, Math.min(size - 1, Math.round((pixel - middle) / stride)));
    pause();
    go(place(y, output.height) * output.width + place(x, output.width) + 1);
  });
  const target = grid("Output ", "The output. Arrow keys choose a number.", (y, x) => {
    pause();
    go(y * output.width + x + 1);
  });

  // Controls
  const chips = kernelChips(model.get("presets"), (_, name) => setting({ kernel: name }));
  const fields = traitFields(
    model,
    [
      ["padding", "Padding", plain([0, 1, 2])],
      ["stride", "Stride", plain([1, 2, 3])],
      ["dilation", "Dilation", plain([1, 2])],
    ],
    setting,
  );
  const modes = segmented(
    "Mode", [{ value: false, text: "Watch" }, { value: true, text: "Predict" }], false,
    predicting => setting({ predicting }),
  );

  const play = button("Play", () => (playing ? pause() : start()), { main: true });
  const next = button("Step", () => {
    pause();
    go(step() + 1);
  });
  const where = h("span", { class: "cs-at" });
  const track = h("div", { class: "cs-track" });
  const watch = h("div", { class: "cs-controls" }, play, next, track, where);

  const guesses = CHOICES.map((text, k) => button(text, () => guess(k - 1)));
  const ask = h(
    "div", { class: "cs-controls", role: "group", "aria-label": "Predict the sign of the sum" },
    h("b", {}, "Will the sum be"), guesses,
  );
  const onward = button("Next step", () => {
    go(step() + 1);
    if (hidden()) guesses[0].focus();
  }, { main: true });
  const verdict = h("span", { class: "cs-verdict" });
  const told = h("div", { class: "cs-controls" }, onward, verdict);
  const score = h("span", { class: "cw-cap" });
  const predict = h("div", { class: "cs-predict" }, ask, told, score);

  const line = sumLine(SIDE);
  const views = h("div", { class: "cs-views" }, input.figure, target.figure);
  const stage = h("div", { class: "cv-stage" }, views, line.node);
  const joined = wires(stage, () => ({ picture: input.view.node, output: target.view.node, line }));
  root.append(
    h("div", { class: "cw-bar" }, chips.node, modes.node),
    h("div", { class: "cw-bar cs-settings" }, fields.nodes),
    stage,
    h("div", { class: "cw-foot" }, watch, predict),
  );

  function pause() {
    clearInterval(playing);
    playing = 0;
    play.textContent = "Play";
  }

  function start() {
    if (step() === count()) go(1);
    play.textContent = "Pause";
    playing = setInterval(() => {
      go(step() + 1);
      if (step() === count()) pause();
    }, PACE);
  }

  function guess(sign) {
    const right = sign === signOf(output.values[step() - 1]);
    const [good, all] = model.get("score");
    predicted.set(step(), right);
    traits.set({ score: [good + Number(right), all + 1] });
    paintAll();
    onward.focus();
  }

  /** Everything that changes with a setting: sizes, the numbers of the image, the number of steps. */
  function relay() {
    pause();
    const rows = model.get("image");
    image = { values: Float64Array.from(rows.flat()), height: rows.length, width: rows[0].length };
    kernel = model.get("presets")[model.get("kernel")].flat();
    output = convolve(image, kernel, sliding());
    predicted = new Map();
    const { padding, dilation } = sliding();
    const size = image.height + 2 * padding;
    root.style.setProperty("--side", size);
    root.toggleAttribute("data-bare", size > 12);
    fit(input, size, size);
    fit(target, output.height, output.width);
    input.view.rim(padding);
    input.view.gaps(SIDE, dilation);
    const inside = k => {
      const [y, x] = [Math.floor(k / size) - padding, (k % size) - padding];
      return y >= 0 && x >= 0 && y < image.height && x < image.width;
    };
    const padded = Array.from({ length: size * size }, (_, k) =>
      inside(k) ? image.values[(Math.floor(k / size) - padding) * image.width + (k % size) - padding] : 0,
    );
    input.cells.set(padded, (v, k) => (inside(k) ? grey(v) : null), (v, k) => (inside(k) ? fixed(v) : "0"));
    input.size.textContent = `${image.height} × ${image.width}${padding ? `, padding ${padding}` : ""}`;
    target.size.textContent = `${output.height} × ${output.width}`;
    chips.paint(colours());
    chips.set(kernel);
    fields.refresh();
    modes.set(model.get("predicting"));
    const stops = Array.from({ length: count() }, (_, k) => k + 1);
    const slid = to => {
      pause();
      go(to);
    };
    bar = slider("Step", stops, step(), slid, to => `step ${to} of ${count()}`);
    track.replaceChildren(bar.node);
    if (step() !== model.get("step")) traits.set({ step: step() });
    paintAll();
    joined.measure();
  }

  function fit(part, rows, columns) {
    if (part.cells?.cells.length === rows * columns) return;
    part.cells?.node.remove();
    part.cells = numberGrid(rows, columns, "numbers");
    part.cells.node.setAttribute("aria-hidden", "true");
    part.view.resize(rows, columns);
    part.view.node.style.setProperty("--columns", columns);
    part.view.node.prepend(part.cells.node);
  }

  function paintAll() {
    const now = step();
    const how = sliding();
    const [row, column] = placeOf();
    const reach = reachOf(SIDE, how.dilation);
    const [top, left] = [row * how.stride, column * how.stride];
    const secret = hidden();
    const limit = innerLimit(output, how);
    const signed = isSigned(kernel);
    const colour = v => (signed ? at(colours(), v / limit) : grey(v));
    const known = k => k + 1 < now || predicted.has(k + 1) || (k + 1 === now && !secret);
    target.cells.set(
      output.values, (v, k) => (known(k) ? colour(v) : null),
      (v, k) => (known(k) ? fixed(v) : k + 1 === now ? "?" : ""),
    );
    input.view.mark(top, left, reach, reach);
    target.view.mark(row, column, 1, 1);
    locate();
    const value = output.values[now - 1];
    const sum = line.set(windowAt(image, SIDE, how, row, column), kernel, colours(), secret ? null : colour(value));
    const size = image.height + 2 * how.padding;
    joined.set({
      left: left / size, right: (left + reach) / size, bottom: (top + reach) / size,
      x: (column + 0.5) / output.width, y: (row + 1) / output.height,
    });
    input.aside.textContent = `window at row ${top - how.padding}, column ${left - how.padding}`.replaceAll("-", "−");
    target.aside.textContent = `row ${row}, column ${column}`;

    const text = `Step ${now} of ${count()}`;
    where.textContent = text;
    bar.set(now);
    next.disabled = now === count();
    watch.hidden = model.get("predicting");
    predict.hidden = !watch.hidden;
    ask.hidden = !secret;
    told.hidden = secret;
    onward.hidden = now === count();
    verdict.textContent = "";
    if (predicted.has(now)) {
      const [right, sign] = [predicted.get(now), signOf(value)];
      verdict.textContent = `${right ? "✓ Right" : "✗ No"}: ${sum} is ${SIGNS[sign + 1]}.`;
      verdict.dataset.right = String(right);
    }
    const [good, all] = model.get("score");
    score.textContent = `${text} · ${all ? `${good} of ${all} right` : "no prediction yet"}`;
    say(`${text}${secret ? ". Predict the sign of the sum." : `: sum ${sum}. ${verdict.textContent}`}`);
  }

  const draw = framed(paintAll);
  relay();
  return () => {
    pause();
    traits.close();
    joined.close();
    close();
  };
}
