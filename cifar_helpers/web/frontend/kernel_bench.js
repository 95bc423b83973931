// A kernel to edit, what it makes of a picture, and puzzles: a target is shown, its kernel is to be found.
import { h, mount, framed, binding, bytesOf, loader, write } from "./ui.js";
import { at, grey, largest, paint } from "./colour.js";
import { clamp, fixed, show } from "./numbers.js";
import { button, segmented } from "./controls.js";
import { picture } from "./picture.js";
import { slidingOf, spanOf, sizeFormula, windowAt, convolve, innerOf, differing, isSigned } from "./convolution.js";
import { resized, signOf, slidingFields, glyph, kernelChips, meaning, colourKey } from "./convolution.js";
import { sumLine, slidingViews } from "./convolution.js";
import shared from "./convolution.css";
import styles from "./kernel_bench.css";

const COLOURS = ["red", "green", "blue"];
const ALL = "all colours";
const LETTERS = COLOURS.map(name => ({ value: name, text: name[0].toUpperCase(), name }));
const IDENTITY = [0, 0, 0, 0, 1, 0, 0, 0, 0];
const PLAIN = { padding: 1, stride: 1, dilation: 1 };
const SOLVED = 0.02; // of the length of the kernel that is wanted, as in Python
const ALIKE = 0.7; // a cosine below this is no likeness worth telling
const NEARLY = 0.9; // above it two kernels are nearly the same
const DIFFERS = 0.005; // of a result: it can be seen in its two decimals
/** Why the kernel of a puzzle does what it does. */
const WHY = {
  "half as bright": "Each result is half of its own pixel; its neighbours count 0.",
  "moved to the right": "Each result takes its left neighbour, so everything moves to the right.",
  "mean of left and right": "Each result mixes its two neighbours, so a thin upright line becomes two fainter ones.",
  "right minus left": "Equal neighbours cancel, so only changes from left to right remain.",
  "below minus above": "Equal rows above and below cancel, so only changes from top to bottom remain.",
  outline: "Equal pixels cancel, so only what differs from the mean of its four neighbours remains.",
};

const rowsOf = kernel => {
  const side = Math.sqrt(kernel.length);
  return Array.from({ length: side }, (_, row) => kernel.slice(row * side, row * side + side));
};

/** How far each number of a kernel is from that of another. */
function gaps(kernel, target) {
  const side = Math.sqrt(Math.max(kernel.length, target.length));
  const wanted = resized(target, side);
  return resized(kernel, side).map((v, k) => Math.abs(v - wanted[k]));
}
/** Their sum. */
const apart = (kernel, target) => gaps(kernel, target).reduce((a, b) => a + b, 0);

/** Planes between 0 and 1 of a picture's bytes: one, or three for all colours. */
function planesOf(bytes, [height, width], channel) {
  const count = height * width;
  const plane = value => ({ values: Float64Array.from({ length: count }, (_, i) => value(i) / 255), height, width });
  if (bytes.length === count) return [plane(i => bytes[i])];
  if (channel === "grey") { // ITU-R BT.601
    return [plane(i => 0.299 * bytes[i * 3] + 0.587 * bytes[i * 3 + 1] + 0.114 * bytes[i * 3 + 2])];
  }
  return COLOURS.flatMap((name, c) => (channel === name || channel === ALL ? plane(i => bytes[i * 3 + c]) : []));
}

/** The kernel of the first layer that is most like this one; the opposite sign counts as alike. */
function nearest(kernel, learned) {
  const inner = resized(kernel, 3);
  let best = { number: 0, likeness: 0, kernel: inner };
  for (let number = 0; number < learned.length / 9; number++) {
    const other = Array.from(learned.subarray(number * 9, number * 9 + 9));
    const lengths = Math.hypot(...other) * Math.hypot(...kernel);
    const likeness = other.reduce((sum, v, k) => sum + v * inner[k], 0) / Math.max(lengths, 1e-9);
    if (Math.abs(likeness) > Math.abs(best.likeness)) best = { number, likeness, kernel: other };
  }
  return best;
}

/** Whether zeros beyond the edge make bars in a result: without a negative number they can only make it paler. */
const barred = (output, kernel, how) =>
  how.padding > 0 && kernel.some(v => v < 0) && largest(output.values) >= 1.1 * largest(innerOf(output, how));

/** Paints a map and its key. @returns the colour and the place on the key of a number */
function paintMap(surface, key, outputs, signed, limit, table) {
  const several = outputs.length > 1;
  const tone = v => grey(signed ? (v / limit + 1) / 2 : v);
  const colour = v => (signed && !several ? at(table, v / limit) : tone(v));
  const [{ values, height, width }] = outputs;
  const levels = i => outputs.map(output => tone(output.values[i])[0]);
  paint(surface, height, width, i => (several ? levels(i) : colour(values[i])));
  const [least, most] = signed ? [-limit, limit] : [0, 1];
  key.set(colour, least, most, outputs.map(output => output.values));
  return { colour, share: v => clamp((v - least) / (most - least), 0, 1) };
}

/**
 * @param {{model: any, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void}
 */
export function render({ model, el, load }) {
  const { root, colours, say, close } = mount(el, "kernel_bench", "Kernel bench", shared + styles, () => draw());
  const puzzles = Object.entries(model.get("puzzles")).map(([name, rows]) => ({ name, target: rows.flat() }));
  const [height, width] = model.get("size");
  const sliding = () => slidingOf(model);
  const puzzle = () => puzzles[model.get("puzzle") - 1];
  const kernelNow = () => model.get("kernel").flat();
  let spelled = "green"; // the colour whose products are written out, where all are shown
  let mine = {}; // kernel, settings and colour before the puzzles
  let known = kernelNow();
  let past = []; // kernels to go back to
  let edited = -1; // the cell whose number was changed last: a drag is one step back, not thirty
  let signed = true; // whether the result is drawn with signs: a whole kernel chooses, a single number changes nothing
  let drawn = ""; // what the two pictures show
  let lastTable;
  let planes; // of the picture
  let outputs; // of the kernel on each
  let map; // of `paintMap`: how a number of them is coloured
  let wanted; // of the target: its numbers, and its `paintMap`
  let isOff = false; // whether the result differs from it anywhere
  /** @type {Float32Array | null} */
  let learned = null;

  const names = ["kernel", "padding", "stride", "dilation", "channel", "pixel", "puzzle", "solved"];
  const choose = () => {
    signed = isSigned(puzzle()?.target ?? kernelNow());
  };
  const traits = binding(model, Object.fromEntries(names.map(name => [name, () => {
    if (name === "kernel" || name === "puzzle") {
      edited = -1;
      if (name === "puzzle" || differing(kernelNow(), known) > 1) choose(); // else a number is dragged in another view
      known = kernelNow();
    }
    draw();
  }])));
  const set = values => {
    traits.set(values);
    known = kernelNow();
    draw();
  };
  const edit = (kernel, k = -1) => {
    if (k < 0 || k !== edited) past.push([kernelNow(), signed]);
    edited = k;
    set({ kernel: rowsOf(kernel) });
    if (differing(kernel, past.at(-1)?.[0] ?? [])) return;
    past.pop(); // the kernel is what it was: there is nothing to take back
    edited = -1;
  };
  const replace = kernel => {
    edit(kernel);
    choose();
  };
  const undo = () => {
    const wasWrong = line.release(); // then what was typed did not count: there is no more to take back
    if (past.length && !wasWrong) {
      const [kernel, sign] = past.pop();
      edited = -1;
      signed = sign;
      set({ kernel: rowsOf(kernel) });
    }
    paintAll(); // not at the next frame: a second key may come before it
  };

  // Pictures
  const line = sumLine((k, value) => edit(kernelNow().map((v, i) => (i === k ? value : v)), k));
  const back = button("Undo", undo);
  const invert = button("± all", () => replace(kernelNow().map(v => 0 - v)), { name: "Change all signs" });
  const sides = segmented("Kernel size", [{ value: 3, text: "3 × 3" }, { value: 5, text: "5 × 5" }], 3, side =>
    edit(resized(kernelNow(), side)),
  );
  line.node.append(h("div", { class: "kb-tools" }, sides.node, invert, back));
  for (const type of ["focusin", "pointerdown"]) { // each visit and each drag is a step of its own
    line.node.addEventListener(type, () => {
      edited = -1;
      draw(); // in colours that fit the kernel as it is now
    });
  }
  line.node.addEventListener("keydown", event => {
    if (event.key !== "z" || event.shiftKey || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    undo();
  });
  const choosePixel = (row, column) => {
    if (String([row, column]) !== String(model.get("pixel"))) set({ pixel: [row, column] });
  };
  const views = slidingViews(line, ["Picture", "Result"], choosePixel);
  const { input, output } = views;
  const target = picture("The target of the puzzle. Arrow keys choose a number.", {
    rows: height, columns: width,
    moved(row, column) {
      views.mark(row, column);
      choosePixel(row, column);
    },
  });
  const wantedKey = colourKey();
  const here = h("span", { class: "cw-cap" });
  const head = h("div", { class: "cw-head" }, h("span", { class: "cw-cap" }, h("b", {}, "Target")), here);
  const goalFigure = h("figure", { class: "kb-target" }, head, target.node, wantedKey.node);
  const misfit = h("p", { class: "kb-misfit", role: "alert", hidden: true });
  output.figure.append(misfit);
  input.figure.classList.add("kb-picture");
  input.figure.querySelector("b").after(h("span", { class: "kb-drag" }, ": drag the window"));
  output.figure.classList.add("kb-result");

  // Settings
  const begin = number => {
    if (number && !puzzle()) mine = Object.fromEntries(names.slice(0, 5).map(name => [name, model.get(name)]));
    past = [];
    const kernel = model.get("solved").includes(number) ? puzzles[number - 1].target : IDENTITY;
    set(number ? { puzzle: number, ...PLAIN, channel: "grey", kernel: rowsOf(kernel) } : { puzzle: 0, ...mine });
    choose();
  };
  /** The first puzzle after this one that is not solved, 0 where all are. */
  const following = () => {
    const now = model.get("puzzle");
    const others = puzzles.map((_, k) => ((now + k) % puzzles.length) + 1);
    return others.find(number => !model.get("solved").includes(number)) ?? 0;
  };
  const modes = segmented("Mode", [{ value: 0, text: "Explore" }, { value: 1, text: "Puzzles" }], 0, on =>
    begin(on && (following() || 1)),
  );
  const tasks = segmented("Puzzle", puzzles.map((_, k) => ({ value: k + 1, text: String(k + 1) })), 1, begin);
  const onward = button("Next puzzle", () => {
    begin(following());
    tasks.buttons[model.get("puzzle") - 1].focus();
  });
  const chips = kernelChips(model.get("presets"), to => replace(resized(to, Math.sqrt(kernelNow().length))));
  const inColour = bytesOf(model.get("image")).length === 3 * height * width;
  const channels = [{ value: "grey", text: "grey" }, ...LETTERS, { value: ALL, text: "all", name: ALL }];
  const channel = segmented("Picture", channels, "grey", value => set({ channel: value }));
  const choices = { padding: [0, 1, 2, 3], stride: [1, 2, 3, 4], dilation: [1, 2, 3, 4] };
  const fields = slidingFields(model, choices, PLAIN, set);
  const formula = h("div", { class: "cw-cap kb-formula" });
  const more = h("details", { class: "kb-more" }, fields.summary, h("div", {}, fields.nodes, formula));
  const means = meaning();
  const looks = segmented("Result", [{ value: false, text: "picture" }, { value: true, text: "signs" }], true, on => {
    signed = on;
    draw();
  });
  const spell = segmented("Colour written out", LETTERS, spelled, value => {
    spelled = value;
    draw();
  });
  line.sums.append(spell.node);
  const bySigns = h("b");
  const below = h("p", { class: "cw-cap" }, "Numbers below 0 are as dark as 0: choose ", bySigns, " to see them.");
  const rim = h("p", { class: "cw-cap" }, "Bars at the border come from the zeros around the picture (padding).");
  const settings = h("div", { class: "kb-settings" }, more, h("div", { class: "kb-notes" }, means.node, below, rim));
  for (const [{ view }, choice] of [[input, inColour && channel], [output, looks]]) {
    view.node.before(h("div", { class: "kb-choice" }, choice ? choice.node : null));
  }

  const named = { role: "meter", "aria-label": "Closeness to the secret kernel", "aria-valuemin": 0, "aria-valuemax": 100 };
  const meter = h("div", { class: "kb-meter", ...named }, h("i"));
  const [state, why] = [h("span", { class: "kb-state" }), h("span")];
  const distance = h("span", { class: "cw-cap" });
  const hint = h("details", { class: "kb-hint" }, h("summary", {}, "Hint"), h("div", {}, distance, meter));
  const [twin, twinWords] = [glyph(), h("span")];
  const alike = h("div", { class: "kb-alike" }, twin.node, twinWords);
  views.stage.classList.add("kb-stage");
  views.stage.prepend(input.figure, settings, goalFigure, output.figure, line.node);
  const task = h("div", { class: "kb-task" }, tasks.node, "Make the result equal the target.");
  root.append(
    h("div", { class: "cw-bar" }, modes.node, chips.node, task),
    views.stage,
    h("div", { class: "cw-foot" }, h("div", { class: "kb-words" }, h("div", {}, state, " ", why), onward), hint, alike),
  );

  /** Everything that follows from the kernel and the pixel. */
  function paintAll() {
    const kernel = kernelNow();
    const side = Math.sqrt(kernel.length);
    const [how, goal] = [sliding(), puzzle()];
    const only = COLOURS.indexOf(model.get("channel"));
    const lit = v => grey(v).map((level, c) => (only < 0 || c === only ? level : 0));
    const table = colours();
    const key = JSON.stringify([signed, ...names.slice(0, 5).concat("puzzle").map(name => model.get(name))]);
    const isSame = key === drawn && table === lastTable; // as while the window moves
    [drawn, lastTable] = [key, table];
    if (!isSame) {
      planes = planesOf(bytesOf(model.get("image")), [height, width], model.get("channel"));
      const levels = i => planes.map(plane => plane.values[i] * 255);
      paint(input.view.canvas, height, width, i => (planes.length === 3 ? levels(i) : lit(planes[0].values[i])));
      outputs = planes.map(plane => convolve(plane, kernel, how));
    }
    const [{ height: rows, width: columns }] = outputs;
    const fits = rows > 0 && columns > 0;
    root.dataset.mode = goal ? "puzzles" : "explore";
    misfit.hidden = fits;
    for (const part of [output.view.node, views.key.node, line.node]) part.hidden = !fits;
    views.fit(side, how, [height, width], [rows, columns]);
    const used = controlsNow(kernel, goal);
    means.node.hidden = !fits;
    if (!fits) {
      const span = spanOf(side, how.dilation);
      below.hidden = rim.hidden = more.open = true;
      misfit.textContent = `This kernel spans ${span} pixels and does not fit. Choose less dilation or more padding.`;
      views.clear();
      return;
    }
    looks.set(signed);
    if (!isSame) {
      const inner = largest(innerOf(outputs[0], how));
      let limit = inner;
      if (goal) {
        const goals = planes.map(plane => convolve(plane, goal.target, PLAIN));
        const most = largest(innerOf(goals[0], PLAIN));
        wanted = { ...goals[0], map: paintMap(target.canvas, wantedKey, goals, signed, most, table) };
        isOff = wanted.values.some((v, k) => Math.abs(v - outputs[0].values[k]) >= DIFFERS);
        if (limit < 2 * most) limit = most; // the same colours, unless the result would be a single one
      }
      map = paintMap(output.view.canvas, views.key, outputs, signed, limit, table);
      below.hidden = Boolean(goal) || signed || !outputs.some(each => innerOf(each, how).some(v => v < -0.005));
      rim.hidden = !barred(outputs[0], kernel, how) && !(goal && barred(wanted, goal.target, how));
    }

    const [row, column] = model.get("pixel").map((place, k) => Math.min([rows, columns][k] - 1, place));
    const several = outputs.length === 3;
    const plane = several ? COLOURS.indexOf(spelled) : 0;
    const alone = rgb => rgb.map((level, c) => (c === plane ? level : 0));
    const written = several ? v => alone(grey(v)) : lit;
    const value = outputs[plane].values[row * columns + column];
    const seen = windowAt(planes[plane], side, how, row, column);
    const tile = several ? alone(map.colour(value)) : signed ? map.colour(value) : lit(value);
    const sum = line.set(seen, kernel, colours(), tile, written);
    views.tick(map.share(value));
    views.mark(row, column);
    target.mark(row, column, 1, 1);
    target.place(row, column);
    const goalHere = goal && wanted.values[row * columns + column];
    write(here, goal ? `here ${fixed(goalHere)}` : "");
    if (goal) wantedKey.node.style.setProperty("--at", wanted.map.share(goalHere));
    means.set(goal ? "" : used, signOf(value));
    const words = goal ? puzzleWords(kernel, goal, sum, fixed(goalHere)) : flatWords(kernel);
    output.view.node.setAttribute("aria-label", `Result, here ${sum}. Arrow keys choose a number.`);
    say(`Row ${row}, column ${column}: sum ${sum}${goal ? `, target ${fixed(goalHere)}` : ""}. ${words}`);
  }

  /** What the controls show. @returns {string} the name of the kernel, if it is one to start from */
  function controlsNow(kernel, goal) {
    const side = Math.sqrt(kernel.length);
    const used = chips.set(kernel, colours());
    sides.set(side);
    fields.refresh();
    back.setAttribute("aria-disabled", !past.length); // disabled, it would lose the focus
    channel.set(model.get("channel"));
    modes.set(goal ? 1 : 0);
    tasks.set(model.get("puzzle") || 1);
    tasks.buttons.forEach((button, k) => {
      const done = model.get("solved").includes(k + 1);
      button.toggleAttribute("data-done", done);
      button.setAttribute("aria-label", `Puzzle ${done ? `${puzzles[k].name}, solved` : k + 1}`);
    });
    const lines = sizeFormula(height, side, sliding());
    if (formula.textContent !== lines.map(node => node.textContent).join("")) formula.replaceChildren(...lines);
    const inAll = model.get("channel") === ALL;
    spell.node.hidden = !inAll;
    for (const node of [looks.buttons[1], bySigns]) write(node, inAll ? "0 is grey" : "signs");
    const best = learned && nearest(kernel, learned);
    const shown = best && !goal && Math.abs(best.likeness) >= ALIKE;
    alike.style.visibility = shown ? "" : "hidden";
    if (!shown) return used;
    twin.draw(best.kernel, colours());
    const found = Math.abs(best.likeness) < NEARLY ? "a similar kernel" : "nearly this kernel";
    const signs = best.likeness < 0 ? ", signs swapped" : "";
    const where = `kernel ${best.number} of its first layer${signs}; cosine ${fixed(best.likeness)}`;
    write(twinWords, `A trained network found ${found} by itself (${where})`);
    return used;
  }

  function flatWords(kernel) {
    const sum = kernel.reduce((a, b) => a + b, 0);
    const count = kernel.length === 9 ? "nine" : kernel.length;
    const effects = { 0: "becomes 0", 1: "stays as it is" };
    const effect = effects[+sum.toFixed(4)] ?? `is multiplied by ${show(sum)}`;
    write(state, `The ${count} numbers add up to ${show(sum)}: a uniform area ${effect}.`);
    onward.hidden = true;
    write(why, "");
    delete root.dataset.solved;
    return state.textContent;
  }

  /** The numbers of the pictures lead; how far those of the kernels are apart is a hint. */
  function puzzleWords(kernel, { name, target: wanted }, sum, goalHere) {
    const off = apart(kernel, wanted);
    const done = Math.hypot(...gaps(kernel, wanted)) < SOLVED * Math.hypot(...wanted);
    const near = done ? 100 : Math.max(0, 100 * (1 - off / apart(IDENTITY, wanted))); // from where each puzzle begins
    const was = past.length ? ` (before: ${fixed(apart(past.at(-1)[0], wanted))})` : "";
    write(distance, `In total, your numbers are ${fixed(off)} away from the secret ones${was}.`);
    const number = model.get("puzzle");
    if (done && !model.get("solved").includes(number)) set({ solved: [...model.get("solved"), number] });
    const all = following() ? "" : ` All ${puzzles.length} are solved.`;
    const here = sum === goalHere
      ? `Here both are ${sum}.${isOff ? " Drag the window to where they differ." : ""}`
      : `Here the target is ${goalHere}, your result ${sum}.`;
    const title = name.replace(/^\d+: /, "");
    write(state, done ? `Solved: ${title}.${all}` : here);
    write(why, done ? WHY[title] : "");
    meter.setAttribute("aria-valuenow", Math.round(near));
    meter.firstChild.style.width = `${near}%`;
    root.toggleAttribute("data-solved", done);
    onward.hidden = !done || !following();
    return `${state.textContent} ${why.textContent}`;
  }

  const draw = framed(paintAll);
  draw();
  (load ?? loader(model))("learned").then(
    bytes => {
      learned = new Float32Array(bytes.slice().buffer);
      draw();
    },
    () => {}, // a bench without weights is still a bench
  );
  return () => {
    traits.close();
    views.close();
    close();
  };
}
