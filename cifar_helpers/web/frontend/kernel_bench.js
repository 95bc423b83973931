// A kernel to edit, what it makes of a picture, and puzzles: a target is shown, its kernel is to be found.
import { h, canvas, mount, framed, still, binding, bytesOf, loader } from "./ui.js";
import { at, grey, largest, paint } from "./colour.js";
import { fixed, show, percent } from "./numbers.js";
import { segmented, field } from "./controls.js";
import { picture } from "./picture.js";
import { slidingOf, reachOf, outputSize, windowAt, convolve, innerLimit, isSigned, resized } from "./convolution.js";
import { plain, traitFields, glyph, kernelChips, sumLine, wires } from "./convolution.js";
import shared from "./convolution.css";
import styles from "./kernel_bench.css";

const COLOURS = ["red", "green", "blue"];
const ALL = "all colours";
const IDENTITY = [0, 0, 0, 0, 1, 0, 0, 0, 0];
const PLAIN = { padding: 1, stride: 1, dilation: 1 };
const SOLVED = 0.02;
const GLIDE = 260; // ms, so that the eye can follow what changes

const letters = value => COLOURS.map((name, k) => ({ value: value(name, k), text: name[0].toUpperCase(), name }));

/** How far a kernel is from another: 0 where they do the same, 1 for a kernel of zeros. */
function distance(kernel, target) {
  const side = Math.sqrt(Math.max(kernel.length, target.length));
  const wanted = resized(target, side);
  return Math.hypot(...resized(kernel, side).map((v, k) => v - wanted[k])) / Math.hypot(...wanted);
}

/**
 * Planes between 0 and 1 of a picture's bytes: one, or three for all colours.
 * @returns {{values: Float64Array, height: number, width: number}[]}
 */
function planesOf(bytes, [height, width], channel) {
  const count = height * width;
  const plane = value => ({ values: Float64Array.from({ length: count }, (_, i) => value(i)), height, width });
  if (bytes.length === count) return [plane(i => bytes[i] / 255)];
  if (channel === "grey") { // ITU-R BT.601
    return [plane(i => (0.299 * bytes[i * 3] + 0.587 * bytes[i * 3 + 1] + 0.114 * bytes[i * 3 + 2]) / 255)];
  }
  return COLOURS.flatMap((name, c) => (channel === name || channel === ALL ? plane(i => bytes[i * 3 + c] / 255) : []));
}

/** The kernel of the first layer that is most like this one; the opposite sign counts as alike. */
function nearest(kernel, learned) {
  const inner = resized(kernel, 3);
  let best = { number: 0, likeness: 0, kernel: inner };
  for (let number = 0; number < learned.length / 9; number++) {
    const other = Array.from(learned.subarray(number * 9, number * 9 + 9));
    const lengths = Math.hypot(...other) * Math.hypot(...inner);
    const likeness = other.reduce((sum, v, k) => sum + v * inner[k], 0) / Math.max(lengths, 1e-9);
    if (Math.abs(likeness) > Math.abs(best.likeness)) best = { number, likeness, kernel: other };
  }
  return best;
}

/**
 * @param {{model: any, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void}
 */
export function render({ model, el, load }) {
  const { root, colours, say, close } = mount(el, "kernel_bench", "Kernel bench", shared + styles, () => repaint());
  const puzzles = Object.entries(model.get("puzzles")).map(([name, rows]) => ({ name, target: rows.flat() }));
  let kernel = model.get("kernel").flat();
  let look = "auto";
  let spelled = 1; // the colour whose products are written out, where all are shown
  let tween = 0;
  /** @type {Float32Array | null} */
  let learned = null;
  let planes = [];

  const traits = binding(model, {
    kernel: () => adopt(model.get("kernel").flat()), pixel: () => draw(), puzzle: () => draw(), solved: () => draw(),
    padding: () => repaint(), stride: () => draw(), dilation: () => draw(), channel: () => repaint(),
  });
  const sliding = () => slidingOf(model);
  const puzzle = () => puzzles[model.get("puzzle") - 1];
  const set = values => {
    traits.set(values);
    draw();
  };
  const rowsOf = list => {
    const side = Math.sqrt(list.length);
    return Array.from({ length: side }, (_, row) => list.slice(row * side, row * side + side));
  };
  const adopt = to => {
    cancelAnimationFrame(tween);
    kernel = to;
    draw();
  };
  const edit = to => {
    adopt(to);
    traits.set({ kernel: rowsOf(to) });
  };
  const glide = to => {
    const [from, start] = [kernel, performance.now()];
    edit(to);
    if (still()) return;
    const step = now => {
      const t = Math.max(0, Math.min(1, (now - start) / GLIDE));
      kernel = to.map((v, k) => (t === 1 ? v : v + (from[k] - v) * (1 - t) ** 3));
      paintAll();
      if (t < 1) tween = requestAnimationFrame(step);
    };
    tween = requestAnimationFrame(step);
  };

  // Pictures
  const sizes = () => model.get("size").map(size => outputSize(size, Math.sqrt(kernel.length), sliding()));
  const choose = (row, column) => {
    const [height, width] = sizes();
    const pixel = [Math.max(0, Math.min(height - 1, row)), Math.max(0, Math.min(width - 1, column))];
    if (pixel.some((place, k) => place !== model.get("pixel")[k])) set({ pixel });
    locate(pixel);
  };
  // At the input event and not at the frame: the next key may come before it.
  const locate = ([row, column]) => {
    const { stride } = sliding();
    input.place(row * stride + middle(), column * stride + middle(), stride);
    result.place(row, column);
  };
  const middle = () => (reachOf(Math.sqrt(kernel.length), sliding().dilation) - 1) / 2;
  const [height, width] = model.get("size");
  const input = picture("The picture. Arrow keys move the window, with shift by five.", {
    rows: height, columns: width,
    moved: (y, x) => choose(...[y, x].map(place => Math.round((place - middle()) / sliding().stride))),
  });
  const result = picture("The result. Arrow keys choose a pixel.", { rows: height, columns: width, moved: choose });
  const target = picture("The target of the puzzle", { rows: height, columns: width });
  const where = h("span", { class: "cw-cap" });
  const size = h("span", { class: "cw-cap" });
  const kind = h("span", { class: "cw-cap" });
  const misfit = h("p", { class: "kb-misfit", role: "alert", hidden: true });
  const [low, ramp, high] = [h("span", { class: "cw-cap" }), canvas(), h("span", { class: "cw-cap" })];
  const scale = h("div", { class: "cw-scale" }, low, ramp, high);
  const figure = (name, area, head, ...parts) => {
    const title = h("span", { class: "cw-cap" }, h("b", {}, name), " ", head[0]);
    return h("figure", { class: `kb-${area}` }, h("div", { class: "cw-head" }, title, head[1]), parts);
  };

  // Settings
  const modes = segmented("Mode", [{ value: 0, text: "Explore" }, { value: 1, text: "Puzzles" }], 0, on => {
    const open = puzzles.findIndex((_, k) => !model.get("solved").includes(k + 1));
    begin(on ? Math.max(0, open) + 1 : 0);
  });
  const tasks = segmented("Puzzle", plain(puzzles.map((_, k) => k + 1)), 1, number => begin(number));
  const begin = number => {
    traits.set(number ? { puzzle: number, ...PLAIN } : { puzzle: 0 });
    if (number) edit(IDENTITY);
    repaint();
  };
  const task = h("span", {});
  const chips = kernelChips(model.get("presets"), to => glide(resized(to, Math.sqrt(kernel.length))));
  const inColour = bytesOf(model.get("image")).length === 3 * height * width;
  const channels = [{ value: "grey", text: "grey" }, ...letters(name => name), { value: ALL, text: "all", name: ALL }];
  const fields = traitFields(
    model,
    [
      ...(inColour ? [["channel", "Picture", channels]] : []),
      ["padding", "Padding", plain([0, 1, 2, 3])],
      ["stride", "Stride", plain([1, 2, 3, 4])],
      ["dilation", "Dilation", plain([1, 2, 3, 4])],
    ],
    values => {
      traits.set(values);
      repaint();
    },
  );
  const sides = segmented("Kernel size", [{ value: 3, text: "3 × 3" }, { value: 5, text: "5 × 5" }], 3, side =>
    edit(resized(kernel, side)),
  );
  const looks = segmented("Colours", plain(["auto", "grey", "signed"]), look, value => {
    look = value;
    draw();
  });
  const formula = h("div", { class: "cw-cap kb-formula" });
  const settings = h(
    "div", { class: "kb-settings" },
    field("Kernel", sides), fields.nodes, field("Colours", looks), formula,
  );
  const spell = segmented("Colour written out", letters((_, k) => k), spelled, value => {
    spelled = value;
    draw();
  });

  // The line of the sum, made again when the kernel's size changes
  let line = newLine();
  function newLine() {
    return sumLine(Math.sqrt(kernel.length), (k, value) =>
      edit(model.get("kernel").flat().map((v, i) => (i === k ? value : v))),
    );
  }

  const meter = h(
    "div",
    {
      class: "kb-meter", role: "meter", "aria-label": "Likeness to the target",
      "aria-valuemin": 0, "aria-valuemax": 100,
    },
    h("i"),
  );
  const state = h("span", { class: "kb-state" });
  const [twin, twinWords] = [glyph(), h("span", {})];
  const alike = h("div", { class: "kb-alike" }, twin.node, twinWords);
  const stage = h(
    "div", { class: "cv-stage kb-stage" },
    figure("Picture", "picture", [null, where], input.node),
    settings,
    figure("Target", "target", [], target.node),
    figure("Result", "result", [size, kind], result.node, misfit, scale),
    line.node,
  );
  const joined = wires(stage, () => ({ picture: input.node, output: result.node, line }));
  root.append(
    h("div", { class: "cw-bar" }, modes.node, chips.node, h("div", { class: "kb-task" }, tasks.node, task)),
    stage,
    h("div", { class: "cw-foot" }, h("div", { class: "kb-words" }, state, meter), alike),
  );

  const colourOf = (signed, limit) => v => (signed ? at(colours(), v / limit) : grey(v));

  function paintResult(canvas, outputs, colour) {
    const [{ values, height: rows, width: columns }] = outputs;
    const all = outputs.map(output => output.values);
    paint(canvas, rows, columns, i => (all.length === 3 ? all.map(plane => grey(plane[i])[0]) : colour(values[i])));
  }

  /** Everything that follows from the kernel and the pixel. */
  function paintAll() {
    const side = Math.sqrt(kernel.length);
    const [how, goal] = [sliding(), puzzle()];
    if (line.side !== side) {
      const old = line;
      line = newLine();
      old.node.replaceWith(line.node);
      joined.measure();
    }
    root.dataset.mode = goal ? "puzzles" : "explore";
    const outputs = planes.map(plane => convolve(plane, kernel, how));
    const [{ height: rows, width: columns }] = outputs;
    const fits = rows > 0 && columns > 0;
    misfit.hidden = fits;
    for (const part of [result.node, scale, line.node]) part.hidden = !fits;
    controlsNow(side, goal);
    if (!fits) {
      const reach = reachOf(side, how.dilation);
      misfit.textContent = `This kernel spans ${reach} pixels and does not fit. Choose less dilation or more padding.`;
      joined.set(null);
      return;
    }
    const wanted = goal && planes.map(plane => convolve(plane, goal.target, PLAIN));
    const several = outputs.length === 3;
    const signed = !several && (look === "auto" ? isSigned(goal ? goal.target : kernel) : look === "signed");
    const limit = innerLimit((wanted ?? outputs)[0], wanted ? PLAIN : how);
    const colour = colourOf(signed, limit);
    paintResult(result.canvas, outputs, colour);
    if (wanted) paintResult(target.canvas, wanted, colour);
    paint(ramp, 1, 128, i => (signed ? at(colours(), i / 63.5 - 1) : grey(i / 127)));
    low.textContent = signed ? fixed(-limit, 1) : "0";
    high.textContent = signed ? fixed(limit, 1) : "1";
    size.textContent = `${rows} × ${columns}`;
    kind.textContent = signed ? "signed" : several ? "cut off at 0 and 1" : "as a picture";

    const [row, column] = [Math.min(rows - 1, model.get("pixel")[0]), Math.min(columns - 1, model.get("pixel")[1])];
    const reach = reachOf(side, how.dilation);
    const [top, left] = [row * how.stride, column * how.stride];
    input.mark(top, left, reach, reach);
    input.gaps(side, how.dilation);
    result.resize(rows, columns);
    locate([row, column]);
    for (const view of [result, target]) view.mark(row, column, 1, 1);
    where.textContent = `row ${row} · column ${column}`;

    const channel = several ? spelled : 0;
    const value = outputs[channel].values[row * columns + column];
    const tint = COLOURS.indexOf(several ? COLOURS[spelled] : model.get("channel"));
    const lit = v => (tint < 0 ? grey(v) : grey(v).map((level, c) => (c === tint ? level : 0)));
    const seen = windowAt(planes[channel], side, how, row, column);
    const sum = line.set(seen, kernel, colours(), signed ? colour(value) : lit(value), lit);
    const [across, down] = [model.get("size")[1] + 2 * how.padding, model.get("size")[0] + 2 * how.padding];
    joined.set({
      left: left / across, right: (left + reach) / across, bottom: (top + reach) / down,
      x: (column + 0.5) / columns, y: (row + 1) / rows,
    });
    const words = goal ? puzzleWords(goal) : flatWords();
    const name = `The result, ${rows} × ${columns}; here ${sum}. Arrow keys choose a pixel.`;
    result.node.setAttribute("aria-label", name);
    say(`Row ${row}, column ${column}: sum ${sum}. ${words}`);
  }

  /** What the controls show. */
  function controlsNow(side, goal) {
    const how = sliding();
    chips.set(kernel);
    sides.set(side);
    fields.refresh();
    modes.set(goal ? 1 : 0);
    tasks.set(model.get("puzzle") || 1);
    const solved = model.get("solved");
    tasks.buttons.forEach((button, k) => {
      const done = solved.includes(k + 1);
      button.toggleAttribute("data-done", done);
      button.setAttribute("aria-label", `Puzzle ${puzzles[k].name}${done ? ", solved" : ""}`);
    });
    const [n] = model.get("size");
    const fraction = `(${n} + 2 × ${how.padding} − ${how.dilation} × ${side - 1} − 1) / ${how.stride}`;
    formula.replaceChildren("Height of the result", h("br"), `⌊${fraction}⌋ + 1 = ${outputSize(n, side, how)}`);
    spell.node.hidden = planes.length < 3;
    if (spell.node.parentNode !== line.sums) line.sums.append(spell.node);
    showAlike(!goal || distance(kernel, goal.target) < SOLVED);
  }

  function showAlike(shown) {
    const best = learned && nearest(kernel, learned);
    alike.hidden = !shown || !best || best.likeness === 0;
    if (alike.hidden || !best) return;
    twin.draw(best.kernel, colours());
    twinWords.textContent = `Most similar learned kernel: ${best.number}, similarity ${percent(best.likeness)}`;
  }

  function flatWords() {
    const sum = kernel.reduce((a, b) => a + b, 0);
    const count = kernel.length === 9 ? "nine" : kernel.length;
    const effects = { 0: "becomes 0", 1: "stays as it is" };
    const effect = effects[+sum.toFixed(4)] ?? `is multiplied by ${show(sum)}`;
    state.textContent = `The ${count} numbers add up to ${show(sum)}: a uniform area ${effect}.`;
    meter.hidden = true;
    delete root.dataset.solved;
    return state.textContent;
  }

  function puzzleWords({ name, target: wanted }) {
    const gap = distance(kernel, wanted);
    const done = gap < SOLVED;
    // Identity is where a puzzle begins, so the meter begins at 0 and each number that gets nearer moves it.
    const way = done ? 1 : Math.max(0, Math.min(0.99, 1 - gap / distance(IDENTITY, wanted)));
    task.textContent = `Make the result equal the target: ${name.replace(/^\d+: /, "")}.`;
    state.textContent = done ? "Solved: your result is the target." : `${percent(way)} of the way`;
    meter.hidden = false;
    meter.setAttribute("aria-valuenow", Math.round(way * 100));
    meter.firstChild.style.width = `${way * 100}%`;
    root.toggleAttribute("data-solved", done);
    const number = model.get("puzzle");
    if (done && !model.get("solved").includes(number)) set({ solved: [...model.get("solved"), number] });
    return state.textContent;
  }

  const draw = framed(paintAll);

  /** What follows from the picture and its border, too. */
  function repaint() {
    planes = planesOf(bytesOf(model.get("image")), model.get("size"), model.get("channel"));
    const [rows, columns] = model.get("size");
    const { padding } = sliding();
    const only = COLOURS.indexOf(model.get("channel"));
    paint(input.canvas, rows, columns, i => {
      const levels = planes.map(plane => plane.values[i] * 255);
      return levels.length === 3 ? levels : [0, 1, 2].map(c => (only < 0 || only === c ? levels[0] : 0));
    });
    input.resize(rows + 2 * padding, columns + 2 * padding);
    input.rim(padding);
    chips.paint(colours());
    draw();
  }

  repaint();
  (load ?? loader(model))("learned").then(
    bytes => {
      learned = new Float32Array(bytes.slice().buffer);
      draw();
    },
    () => {}, // a bench without weights is still a bench
  );
  return () => {
    cancelAnimationFrame(tween);
    traits.close();
    joined.close();
    close();
  };
}
