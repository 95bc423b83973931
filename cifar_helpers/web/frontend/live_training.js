// A live training run: Python trains, and the curves are drawn here beside those of earlier runs.
import styles from "./live_training.css";
import { asking, h, mount, framed, binding } from "./ui.js";
import { segmented, slider, field, button } from "./controls.js";
import { clamp, fixed, percent, show, unbroken } from "./numbers.js";
import { chart } from "./chart.js";
import { bringing } from "./chart_rows.js";

const RATES = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
const BATCHES = [16, 32, 64, 128, 256, 512];
const EPOCHS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 100];
const STATES = { running: "Training", paused: "Paused", ending: "Ending the run …", waiting: "Ending the run before …" };
const ASKED = { start: "Starting …", pause: "Pausing …", resume: "Resuming …", stop: "Ending the run …" };
const SIDES = [56, 100]; // one axis for all charts
const SIDES_OF_RECORDS = [54, 10]; // whose names are in the heads
const TOP = 5; // of the loss axis; a run that diverges leaves the chart there
const WHEN = "A new learning rate takes effect at once; a new batch size or number of epochs, at the next start.";
const WHILE = "A new learning rate takes effect at once. Only Stop ends the run: the notebook’s own stop button does not.";
const KEPT = 5; // earlier runs, from which on Python leaves one out
const WINDOW = 10; // points in the running mean, so that it forgets a peak
const CHANCE = 0.1; // the accuracy of guessing among ten classes
const GUESSING = -Math.log(CHANCE); // the loss of ten equal probabilities
const SOON = 3; // epochs after a change of the learning rate that are put down to it
const BETTER = 0.05; // from which on a loss differs from that of guessing
const GAP = 0.05; // between the accuracies, from which it is named
const CLOSE = 0.1; // from the loss of guessing, within which nothing else is worth saying
const DOTTED = "1 4"; // the recorded run, among the solid lines of the reader's own
const REPLAY = 6000; // milliseconds, as far as a step of it takes from 150 to 400 of them
const ENDS = { loss: [0, 2.5], accuracy: [0, 1] }; // of recorded runs: axes that give nothing away
const CLEAR = 0.05; // from which on accuracies of single runs differ by more than chance would do
const GUESSES = Array.from({ length: 21 }, (_, k) => k / 20); // of an accuracy

/** @param {{model: any, el: HTMLElement}} host */
export function render({ model, el }) {
  const draw = framed(redraw);
  const { root, close } = mount(el, "live_training", "Live training", styles, draw);
  const heard = ["learning_rate", "batch_size", "epochs", "run", "earlier"];
  const python = asking(model, root);
  const answered = () => {
    python.heard();
    draw();
  };
  const bound = binding(model, Object.fromEntries(heard.map(name => [name, answered])));
  const take = name => value => {
    bound.set({ [name]: value });
    draw();
  };
  /** What was pressed last, until Python has answered: a kernel that computes takes no message meanwhile. */
  let asked = null;
  const send = type => {
    const { number, state } = model.get("run");
    if (waitsFor(asked, model.get("run"))?.type === type) return;
    asked = { type, number, state };
    const chosen = ["learning_rate", "batch_size", "epochs"].map(name => [name, model.get(name)]);
    python.send({ type, ...(type === "start" ? Object.fromEntries(chosen) : {}) });
    draw();
  };

  const rate = slider("Learning rate", RATES, 0.03, take("learning_rate"), value => show(value, 6));
  const sizes = BATCHES.map(value => ({ value, text: String(value) }));
  const batch = segmented("Batch size", sizes, 128, take("batch_size"));
  const epochs = slider("Epochs", EPOCHS, 4, take("epochs"));
  const rateText = h("b");
  const batchText = h("b");
  const epochsText = h("b");
  const named = (words, value, control) => {
    const head = h("div", { class: "cw-head cw-cap", "aria-hidden": "true" }, h("span", {}, words), value);
    return h("div", {}, head, control.node);
  };
  const start = button("Start", () => send("start"));
  const pause = button("Pause", () => send(model.get("run").state === "paused" ? "resume" : "pause"));
  const stop = button("Stop", () => send("stop"));
  const when = h("div", { class: "cw-cap lt-when", role: "status" });
  const settings = h(
    "fieldset", { class: "lt-bar" },
    named("Learning rate", rateText, rate),
    named("Batch size", batchText, batch),
    named("Epochs", epochsText, epochs),
    h("div", { class: "lt-buttons" }, start, pause, stop),
    when,
  );

  let bySeconds = false;
  const axes = [{ value: false, text: "Epochs" }, { value: true, text: "Seconds" }];
  const axis = segmented("Horizontal axis", axes, false, value => {
    bySeconds = value;
    redraw();
  });

  // Without Python: recorded runs, of which each is predicted, then replayed; one alone is there at once
  const library = [...(model.get("records") ?? []), model.get("ghost")]; // a lesson stored earlier has only the last
  const seen = new Set(library.length < 2 ? library : []);
  /** @type {Map<any, number>} the validation accuracy that the reader expects in the end */
  const guesses = new Map();
  let replayed = library[0];
  /** How many steps a replay has: epochs, or the first batches of a run in which no epoch has a loss. */
  const stepsOf = one => (isLost(one) ? one.points : one.train_loss).length;
  let step = seen.has(replayed) ? stepsOf(replayed) : 0; // up to which it is drawn
  let timer = 0;
  const isWhole = () => step === stepsOf(replayed);
  const rest = () => {
    clearInterval(timer);
    timer = 0;
  };
  const replay = button("Play", () => {
    if (timer) rest();
    else {
      if (isWhole()) step = 0;
      timer = setInterval(advance, clamp(REPLAY / stepsOf(replayed), 150, 400));
    }
    redraw();
  });
  function advance() {
    step++;
    if (isWhole()) {
      rest();
      seen.add(replayed);
    }
    redraw();
  }
  const recorded = segmented("Recorded run", library.map((one, k) => ({ value: k, text: one.label ?? "" })), 0, k => {
    rest();
    replayed = library[k];
    step = seen.has(replayed) ? stepsOf(replayed) : 0;
    redraw();
  });
  const canGuess = () => !step && !timer && !seen.has(replayed);
  const guess = value => {
    if (canGuess()) guesses.set(replayed, value);
    redraw();
  };
  const expected = slider("Your guess of validation accuracy", GUESSES, 0.5, guess, value => percent(value, 0));
  for (const end of ["click", "pointerup"]) { // a press that moves nothing; a finger on a slider makes no click
    expected.node.addEventListener(end, () => guess(GUESSES[expected.node.value]));
  }
  const expectedText = h("b");
  const guessing = h(
    "div", { class: "lt-guess" },
    h("div", { class: "cw-cap", "aria-hidden": "true" }, "Your guess: ", expectedText), expected.node,
  );
  const recordings = h("div", { class: "lt-records" }, recorded.node, guessing, replay);

  // Three charts with one horizontal axis
  const rows = h("tbody");
  const place = (label, y, height) => chart({
    label: `${label} by epoch`, x: { label: "epoch" }, y: { label, ...y }, height, sides: SIDES,
    hovered: (x, run) => look(x, run),
  });
  const loss = place("Loss", { digits: 2 }, 264);
  const accuracy = place("Accuracy", { percent: true }, 264);
  const rates = place("Learning rate", { log: true }, 112);
  const charts = [loss, accuracy, rates];
  // In place of the losses by epoch, of a run that has none: they differ by powers of ten.
  const first = chart({
    label: "Loss of the first batches", x: { label: "batch" }, y: { label: "Loss of the first batches", log: true },
    height: 264, sides: SIDES_OF_RECORDS,
  });
  const look = bringing(rows, charts);

  const cannot = h("p", { class: "cw-cap" }, "This page cannot train: open the lesson in Jupyter to start, pause and steer a run of your own.");
  const state = h("p", { class: "cw-lead lt-state", role: "status" });
  const reading = h("p", { class: "lt-reading" });
  const heads = ["Run", "Rate", "Batch", "Epochs", "Seconds", "Highest validation"].map(text => h("th", { scope: "col" }, text));
  const table = h("table", { class: "cw-table lt-runs" }, h("thead", {}, h("tr", {}, heads)), rows);
  const note = h("span", { class: "cw-cap" });
  const choice = field("Horizontal axis", axis);
  let written = ""; // the rows of the table
  root.append(
    settings, recordings, h("div", { class: "lt-words" }, state, reading),
    h("div", { class: "lt-charts" }, loss.node, accuracy.node, rates.node, table),
    h("div", { class: "cw-foot" }, note, choice),
    cannot,
  );

  function redraw() {
    const ghost = model.get("ghost");
    const isRecord = !model.send && !model.get("run").state; // then it is not what another run is compared with
    const epochsShown = () => (isWhole() ? replayed.train_loss.length : isLost(replayed) ? 0 : step);
    const run = isRecord ? recordOf(replayed, epochsShown()) : model.get("run");
    const begun = isRecord || Boolean(run.state);
    const ends = begun ? run.epochs : model.get("epochs");
    const earlier = model.get("earlier");
    const runs = isRecord ? library.slice(0, 1).filter(isCompared) : [cut(ghost, ends), ...earlier];
    showControls(run, isRecord);

    const all = begun ? [...runs, run] : runs;
    const x = [0, bySeconds ? Math.max(1, ...all.map(one => lastSecond(one, ends))) : ends];
    const pairs = (one, values) => values
      .map((value, k) => [bySeconds ? one.seconds[k] : k + 1, value])
      .filter(point => point[0] <= x[1]);
    const steps = (one, column) => one.points.map(point => [point[bySeconds ? 1 : 0], point[column]]);
    const named = [{ name: "recorded", dash: DOTTED }, ...labelsOf(earlier)];
    const differs = isRecord ? runs.map(({ label: name }) => ({ name, end: name })) : named;
    // What is level has no numbers to read: its words are at its line.
    const level = (value, kind) => ({ name: "", colour: "ghost", kind, points: [[0, value], [ends, value]] });
    const chance = value => (isRecord ? [level(value, "lt-chance")] : []);
    const guessed = guesses.get(replayed);
    const yours = isRecord && guessed !== undefined ? [{ ...level(guessed), colour: "c4", dash: DOTTED }] : [];
    const grey = points => runs.map((one, k) => (
      { ...differs[k], run: idOf(one), colour: "ghost", kind: `lt-age-${runs.length - k}`, points: points(one) }
    ));
    const own = (name, colour, points, more = {}) => (begun ? [{ name, colour, points, run: "now", ...more }] : []);
    const end = name => (isRecord ? { end: name } : {}); // which stands at each number that is read
    const of = values => (begun ? pairs(run, run[values]) : []);
    const batches = begun ? steps(run, 2) : [];
    const marks = !isRecord && ends < 20;
    const isPart = isRecord && !isWhole();
    const lowest = begun && !isPart && gainsNothingFrom(run);
    const chanceAt = y => (isRecord ? [{ x: 0, y, colour: "ghost", label: "random guessing" }] : []);
    const [dots, reached] = [chanceAt(GUESSING), chanceAt(CHANCE)];
    const done = isPart && run.train_loss.length;
    if (done) {
      const y = run.validation_accuracy.at(-1);
      reached.push({ x: done, y, colour: "c2", label: `epoch ${done}: ${percent(y, 1)}` });
    } else if (yours.length) reached.push({ x: ends, y: guessed, colour: "c4", label: `you: ${percent(guessed, 0)}` });
    if (lowest) {
      const [x, y] = of("validation_loss")[lowest - 1];
      dots.push({ x, y, colour: "c2", label: `lowest: ${lowest}` });
    } else if (done) {
      const y = run.validation_loss.at(-1);
      dots.push({ x: done, y, colour: "c2", label: fixed(y, 2) });
    }
    const isByBatch = isRecord && isLost(replayed) && step > 0;
    const [shown, other] = isByBatch ? [first, loss] : [loss, first];
    if (other.node.isConnected) other.node.replaceWith(shown.node);
    if (isByBatch) drawFirst();
    // Validation has one number for each epoch, so numbers are read there and not between.
    const whole = (bySeconds && begun ? [run] : all).flatMap(one => pairs(one, one.validation_loss)).map(point => point[0]);
    const isFirst = begun && !run.train_loss.length; // epoch, of which only steps are known
    const reads = isFirst ? batches.map(point => point[0]) : [...new Set(whole)].sort((a, b) => a - b);
    loss.set({
      y: isRecord ? ENDS.loss : lossEnds(all),
      dots,
      series: [
        ...chance(GUESSING),
        ...grey(one => pairs(one, one.validation_loss)),
        ...own("", "c1", isRecord ? [] : batches, { thin: true }),
        ...own("training", "c1", isRecord ? of("train_loss") : smooth(batches), end("training")),
        ...own("validation", "c2", of("validation_loss"), { dash: "5 3", marks, ...end("validation") }),
      ],
    });
    accuracy.set({
      y: isRecord ? ENDS.accuracy : accuracyEnds(all),
      dots: reached,
      series: [
        ...chance(CHANCE),
        ...grey(one => pairs(one, one.validation_accuracy)),
        ...yours,
        ...own("training", "c1", of("train_accuracy"), { marks, ...end("training") }),
        ...own("validation", "c2", of("validation_accuracy"), { dash: "5 3", marks, ...end("validation") }),
      ],
    });
    const chosen = model.get("learning_rate");
    const known = [...new Set([chosen, ...all.flatMap(ratesOf).reverse()])]; // the first have their numbers first
    const flat = value => [0, ...reads.filter(at => at <= x[1]), x[1]].map(at => [at, value]);
    const stairs = one => steps(one, 3).flatMap(([at, value], k, all) => [[at, all[k - 1]?.[1] ?? value], [at, value]]);
    rates.set({
      y: [Math.min(...known) / 2, Math.max(...known) * 2],
      ticks: known,
      series: [
        ...grey(one => (one.number ? stairs(one) : flat(one.learning_rate))),
        { name: begun ? "now" : "next", run: "now", colour: "c1", points: begun ? stairs(run) : flat(chosen) },
      ],
    });
    const sides = isRecord ? SIDES_OF_RECORDS : SIDES;
    for (const one of charts) one.set({ x, reads, sides, xLabel: bySeconds ? "seconds" : "epoch" });
    if (isRecord) return; // the note says all of one run with one rate
    const listed = [...(begun ? [row(run, "Now")] : []), ...runs.map(one => row(one)).reverse()];
    const text = listed.map(one => one.textContent).join("\n");
    if (text === written) return; // what has the focus keeps it
    written = text;
    const held = rows.querySelector("tr:focus")?.dataset.run;
    rows.replaceChildren(...listed);
    listed.find(one => held && one.dataset.run === held)?.focus();
  }

  /** Whether the first of the recorded runs is drawn and named beside the one that is replayed. */
  const isCompared = one => seen.has(one) && one !== replayed;

  /** The losses of the first batches, as far as they are replayed. */
  function drawFirst() {
    const losses = replayed.points.map(point => point[2]).filter(Number.isFinite);
    const points = losses.slice(0, step).map((value, k) => [k + 1, value]);
    const x = /** @type {[number, number]} */ ([0, losses.length + 1]);
    const words = (value, k) => `${show(+value.toPrecision(3), 3)}${k + 1 < losses.length ? "" : ", later NaN"}`;
    first.set({
      x,
      y: [1, 2 * Math.max(...losses)],
      series: [
        { name: "", colour: "ghost", kind: "lt-chance", points: x.map(at => [at, GUESSING]) },
        { name: "training", end: "training", colour: "c1", points },
      ],
      dots: [
        { x: x[1], y: GUESSING, colour: "ghost", label: "random guessing" },
        ...points.map(([k, y]) => ({ x: k, y, colour: "c1", label: words(y, k - 1) })),
      ],
    });
  }

  function showControls(run, isRecord) {
    const can = Boolean(model.send);
    const isOpen = can && Boolean(run.state) && run.state !== "ended";
    asked = waitsFor(asked, run);
    const isEnding = run.state === "ending" || ["start", "stop"].includes(asked?.type);
    rate.set(nearest(RATES, model.get("learning_rate")));
    rateText.textContent = show(model.get("learning_rate"), 6);
    const [size, count] = ["batch_size", "epochs"].map(name => model.get(name));
    batch.set(size);
    epochs.set(nearest(EPOCHS, count));
    const used = isOpen ? run : { batch_size: size, epochs: count }; // what was chosen meanwhile does not count yet
    batchText.textContent = size === used.batch_size ? "" : `this run: ${used.batch_size}`;
    epochsText.textContent = count === used.epochs ? count : `${used.epochs} → ${count}`;
    const isWaiting = size !== used.batch_size || count !== used.epochs;
    settings.hidden = !can;
    recordings.hidden = !isRecord || library.length < 2;
    const isAsked = isRecord && !isWhole();
    const guessed = guesses.get(replayed);
    const play = guessed === undefined && canGuess() ? "Play without a guess" : "Play";
    replay.textContent = timer ? "Pause" : isAsked ? play : "Play again";
    replay.classList.toggle("cw-main", isAsked && !timer);
    expected.set(guessed ?? 0.5);
    expected.node.disabled = !canGuess();
    expected.node.classList.toggle("lt-unset", guessed === undefined);
    if (guessed === undefined) expected.node.setAttribute("aria-valuetext", canGuess() ? "none yet" : "none");
    expectedText.textContent = guessed === undefined ? "–" : percent(guessed, 0);
    root.classList.toggle("lt-record", isRecord);
    cannot.hidden = can;
    for (const one of [rates.node, table, choice]) one.hidden = isRecord;
    const isPaused = run.state === "paused";
    start.classList.toggle("cw-main", !isOpen || isWaiting);
    start.textContent = isOpen ? "Start again" : "Start";
    pause.classList.toggle("cw-main", isPaused && !isWaiting);
    pause.textContent = isPaused ? "Resume" : "Pause";
    pause.disabled = !isOpen || isEnding || run.state === "waiting";
    const held = stop.matches(":focus");
    stop.disabled = !isOpen || isEnding;
    if (held && stop.disabled) start.focus({ preventScroll: true });
    const now = asked && (asked.type === "start" && isOpen ? STATES.waiting : ASKED[asked.type]);
    const other = library.slice(0, 1).find(isCompared); // whose end is no secret any more
    const bold = text => text.split(/(\d+\.\d (?:%|points))/).map((part, k) => (k % 2 ? h("b", {}, part) : part));
    const ofRun = () => now || run.problem || stateOf(run, model.get("earlier"), can, model.get("images")[1]);
    const isDone = isRecord && !isAsked;
    const ofRecord = () => {
      const [conclusion, verdict] = [conclusionOf(run, library[0], other), verdictOf(run, guessed)];
      return [h("b", {}, unbroken(conclusion)), " ", h("span", {}, unbroken(verdict))];
    };
    const parts = isAsked ? [replayed.ask ?? ""] : isDone ? ofRecord() : bold(ofRun());
    const said = h("p", {}, parts);
    if (state.textContent !== said.textContent) state.replaceChildren(...said.childNodes);
    const readings = () => (isDone ? readingsOf(run, other) : run.problem || isHigh(run) ? [] : [readingOf(run)]);
    const paragraphs = isAsked || now ? [] : readings();
    if (reading.textContent !== paragraphs.join("")) {
      reading.replaceChildren(...paragraphs.map(text => h("span", {}, text)));
    }
    state.classList.toggle("bad", !now && !isRecord && Boolean(run.problem));
    const [train, validation] = model.get("images").map(count => count.toLocaleString("en"));
    const past = model.get("earlier").length;
    const kept = past === KEPT ? `the best and the last ${KEPT - 1}` : "earlier";
    const others = past ? ` and of ${kept} runs (the latest is strongest)` : "";
    const its = can && run.state === "ended" && run.train_loss.length ? " The network is trainer.model, if trainer names this widget." : "";
    const which = `dotted; ${imagesOf(model.get("ghost"))}${bySeconds ? ", on another machine" : ""}`;
    const grey = `the recorded run (${which})${others}`;
    const batches = run.stride > 1 ? `means of ${run.stride}` : "single";
    const beside = other ? ` Grey: validation with ${other.label}.` : "";
    note.textContent = isRecord ? `Recorded run of a CifarCNN: ${settingsOfRecord(replayed).join(", ")}.${beside}`
      : `CifarCNN; ${train} training images, flipped at random; ${validation} validation images. Grey: validation of ${
        grey}. Thin: ${batches} batches, thick: mean of the last ${WINDOW * (run.stride ?? 1)}.${its}`;
    const next = `Press Start again to use batch size ${size} and ${epochsOf(count)}: this run keeps ${used.batch_size} and ${used.epochs}.`;
    const hint = isWaiting ? next : isOpen ? WHILE : WHEN;
    if (when.textContent !== hint) when.textContent = hint;
    when.classList.toggle("lt-next", isWaiting);
  }

  function row(run, own) {
    const best = Math.max(...run.validation_accuracy.filter(Number.isFinite));
    const done = run.train_loss.length;
    return h(
      "tr", { class: own ? "own" : null, tabindex: 0, "data-run": own ? "now" : idOf(run) },
      h("td", {}, own ?? capital(nameOf(run))),
      h("td", { class: "lt-rate" }, rateOf(run)),
      h("td", {}, String(run.batch_size)),
      h("td", {}, run.whole > done ? `${done} of ${run.whole}` : String(done)),
      h("td", {}, run.seconds.length ? run.seconds.at(-1).toFixed(0) : "–"),
      h("td", {}, Number.isFinite(best) ? percent(best, 1) : run.problem || isHigh(run) ? "diverged" : "–"),
    );
  }

  redraw();
  return () => {
    rest();
    [...charts, first].forEach(one => one.close());
    bound.close();
    close();
  };
}

/** A recorded run up to an epoch. */
function recordOf(run, epoch) {
  return { ...cut(run, epoch), points: epoch ? run.points : [], epochs: run.train_loss.length };
}

/** Whether no epoch of a run has a loss, while some of its first batches have. */
const isLost = run => run.points.length > 0 && !Number.isFinite(run.train_loss[0]);

const imagesOf = run => `${run.images.toLocaleString("en")} images`;

/** What is known of the settings of a recorded run: a lesson stored earlier has less. */
function settingsOfRecord(run) {
  return [
    run.images && imagesOf(run), run.flipped && "flipped at random", `learning rate ${run.learning_rate}`,
    run.batch_size && `batches of ${run.batch_size}`,
  ].filter(Boolean);
}

const pointsOf = share => `${fixed(100 * Math.abs(share), 1)} points`;

/** How far one accuracy is above another, both of single runs. */
function differenceOf(more, than = "") {
  const trust = Math.abs(more) < CLEAR ? ", which may be chance" : "";
  return `${pointsOf(more)} ${more > 0 ? "higher" : "lower"}${than}${trust}`;
}

/** What a recorded run shows, in one line; of one with other images, beside the first if that has been seen. */
function conclusionOf(run, first, other) {
  const { validation_accuracy: shares, validation_loss: loss, learning_rate: rate } = run;
  const last = shares.at(-1);
  const end = `${percent(last, 1)} validation accuracy after ${epochsOf(shares.length)}`;
  if (run.images && first.images && run.images !== first.images) {
    if (!other) return `${imagesOf(run)}: ${end}.`;
    const epoch = Math.min(...[run, other].map(one => one.validation_accuracy.length));
    const [own, its] = [run, other].map(one => one.validation_accuracy[epoch - 1]);
    const more = differenceOf(own - its, ` than with ${first.images.toLocaleString("en")}`);
    return `${imagesOf(run)}: after epoch ${epoch}, ${percent(own, 1)} validation accuracy, ${more}.`;
  }
  const isSlow = rate < first.learning_rate && loss.at(-1) > GUESSING - CLOSE;
  const isLearned = last > CHANCE + CLEAR && loss.at(-1) < GUESSING - CLOSE;
  const is = run.problem ? " is too high" : isSlow ? " is too low" : isLearned ? " works" : "";
  return `A learning rate of ${rate}${is}: ${end}.`;
}

/** How far from the truth a guess was. */
function verdictOf(run, guessed) {
  if (guessed === undefined) return "";
  const more = guessed - run.validation_accuracy.at(-1);
  const isNearest = Math.abs(more) <= GUESSES[1] / 2;
  const far = isNearest ? ": as close as the slider allows" : `, ${pointsOf(more)} too ${more > 0 ? "high" : "low"}`;
  return `You guessed ${percent(guessed, 0)}${far}.`;
}

/** Paragraphs on a recorded run: compared with another, then on its curves. */
function readingsOf(run, other) {
  const curves = run.problem || `${curvesOf(run)}${startOf(run, other)}`;
  return [other ? comparisonOf(run, other) : "", curves].filter(Boolean);
}

/** A recorded run beside another at the same epoch, and what else differs than the setting that it is named by. */
function comparisonOf(run, other) {
  const epochs = [run, other].map(one => one.validation_accuracy.length);
  const last = Math.min(...epochs);
  const [own, its] = [run, other].map(one => one.validation_accuracy[last - 1]);
  const isOther = name => run[name] && other[name] && run[name] !== other[name];
  const end = `After epoch ${epochs[0]}, it is ${percent(run.validation_accuracy.at(-1), 1)}.`;
  const begin = isOther("images") ? (epochs[0] > last ? end : "")
    : `${capital(other.label)} is at ${percent(its, 1)} after epoch ${last}; this run is ${differenceOf(own - its)}.`;
  const differs = [
    Boolean(run.flipped) !== Boolean(other.flipped) && "random flips",
    isOther("batch_size") && `batch size (${run.batch_size}, not ${other.batch_size})`,
  ].filter(Boolean);
  if (!differs.length) return begin;
  const list = new Intl.ListFormat("en").format(differs);
  const named = isOther("images") ? "the images" : "the learning rate";
  return `${begin} The two runs also differ in ${list}, so ${named} need not be the only reason.`.trim();
}

/** What the losses of a recorded run show, above all signs of overfitting. */
function curvesOf(run) {
  const { train_loss: train, validation_loss: validation } = run;
  const isFalling = [train, validation].every(list => list.every((value, k) => !k || value < list[k - 1]));
  if (isFalling && validation.at(-1) > GUESSING - CLOSE) {
    return `Validation loss is ${fixed(validation.at(-1), 2)}, still close to that of guessing (${
      fixed(GUESSING, 2)}). Both losses fall in every epoch: the network learns, but slowly.`;
  }
  const lowest = gainsNothingFrom(run);
  const later = validation.slice(lowest);
  if (!lowest || later.length < 2) return readingOf(run);
  const change = (list, text) => [lowest - 1, list.length - 1].map(k => text(list[k])).join(" to ");
  const mean = later.reduce((sum, value) => sum + value, 0) / later.length;
  const trust = rises(later) ? "Validation loss rises by more than it varies: the network overfits."
    : "But validation loss varies so much that, in a single run, its lowest may be chance.";
  const [then, now] = [lowest, train.length].map(epoch => run.validation_accuracy[epoch - 1]);
  const gap = change(train.map((_, k) => gapOf(run, k + 1)), share => fixed(100 * share, 1));
  return `Validation loss is lowest after epoch ${lowest}, ${fixed(validation[lowest - 1], 2)}. Later, training loss `
    + `falls from ${change(train, loss => fixed(loss, 2))}, while validation loss is ${fixed(mean, 2)} on average: a `
    + `sign of overfitting. ${trust} From epoch ${lowest} to the last, the gap in accuracy goes from ${gap} points${
      now > then ? `, yet validation accuracy rises from ${percent(then, 1)} to ${percent(now, 1)}` : ""}.`;
}

/** Epochs in which validation is above training, as "1–3 and 5" or "all". */
function aboveOf(run) {
  const above = run.train_accuracy.map((_, k) => k + 1).filter(epoch => gapOf(run, epoch) < 0);
  if (above.length === run.train_accuracy.length) return "all";
  const pieces = above.filter(epoch => !above.includes(epoch - 1)).map(first => {
    const last = above.find(epoch => epoch >= first && !above.includes(epoch + 1));
    return first === last ? `${first}` : `${first}–${last}`;
  });
  return new Intl.ListFormat("en").format(pieces);
}

/** When and why validation is above training; beside another run of which that is said, the reason is not repeated. */
function startOf(run, other) {
  const which = aboveOf(run);
  if (!which) return "";
  const when = which === "all" ? "in all epochs" : `in ${/\D/.test(which) ? "epochs" : "epoch"} ${which}`;
  const why = "because training accuracy is measured during the epoch, with dropout on";
  const same = other && aboveOf(other) && `for the same reason as with ${other.label}`;
  return ` Validation accuracy is above training accuracy ${when}, ${same || why}.`;
}

/** What the curves show now, or what to look for in them. */
function readingOf({ points = [], ...run }) {
  const [train, validation] = [run.train_loss ?? [], run.validation_loss ?? []];
  const mean = smooth(points.map(point => [point[0], point[2]])).map(point => point[1]);
  const rate = points.at(-1)?.[3];
  const begin = points.findLastIndex(point => point[3] !== rate) + 1;
  const isNew = begin && points.at(-1)[0] - points[begin][0] <= 1; // changed within the last epoch
  if (isNew && points.length - begin >= WINDOW) {
    const [from, to] = [mean[begin - 1], mean.at(-1)];
    return `Since the learning rate became ${show(rate, 6)}, training loss ${to < from ? "fell" : "rose"} from ${fixed(from, 2)} to ${fixed(to, 2)}.`;
  }
  if (mean.length > 2 * WINDOW && mean.at(-1) > GUESSING - BETTER) {
    return `Training loss is still that of guessing among ten classes, ${fixed(GUESSING, 2)}.`;
  }
  if (!validation.length) {
    return `Watch how fast training loss leaves ${fixed(GUESSING, 2)}, that of guessing among ten classes. Accuracy follows after epoch 1.`;
  }
  const before = Math.floor(points[begin]?.[0] ?? 0); // complete epochs with the rate before
  const [from, to] = [validation[before - 1], validation.at(-1)];
  if (begin && before && validation.length > before && validation.length <= before + SOON && Math.abs(to - from) > BETTER) {
    return `Since the learning rate became ${show(rate, 6)}, validation loss ${to < from ? "fell" : "rose"} from ${fixed(from, 2)} to ${fixed(to, 2)}.`;
  }
  if (to > GUESSING + BETTER) {
    return `Validation loss is ${fixed(to, 2)}, worse than guessing (${fixed(GUESSING, 2)}): a lower learning rate may help.`;
  }
  if (to > GUESSING - CLOSE) {
    return `Validation loss is ${fixed(to, 2)}, still close to that of guessing (${fixed(GUESSING, 2)}).`;
  }
  const lowest = gainsNothingFrom(run);
  const [then, gap] = [lowest || run.train_accuracy.length, run.train_accuracy.length].map(epoch => gapOf(run, epoch));
  if (lowest) {
    const isWorse = rises(validation.slice(lowest)) || rises(run.validation_accuracy.slice(lowest).map(share => -share));
    const begin = `Validation loss was lowest after epoch ${lowest}, while training loss went on falling`;
    const points = `from ${fixed(100 * then, 1)} to ${fixed(100 * gap, 1)} points`;
    const grown = gap > then ? ` The gap in accuracy grew since, ${points}.` : "";
    if (isWorse) return `${begin}: the network overfits.${grown}`;
    return `${begin}. Validation varies too much from epoch to epoch to say that it got worse since.${grown}`;
  }
  if (gap < 0) return "Validation is above training because training accuracy is measured during the epoch, with dropout on.";
  if (gap > GAP) return `Training accuracy is ${fixed(100 * gap, 1)} points above validation: watch whether the gap grows.`;
  return "Training and validation accuracy are still close: no sign of overfitting so far.";
}

/** How far training accuracy is above that of validation after an epoch. */
const gapOf = (run, epoch) => run.train_accuracy[epoch - 1] - run.validation_accuracy[epoch - 1];

/** Whether the second half of some values is higher than the first, by more than they vary within the halves. */
function rises(values) {
  const half = Math.floor(values.length / 2);
  if (half < 2) return false;
  const mean = list => list.reduce((sum, value) => sum + value, 0) / list.length;
  const halves = [values.slice(0, -half), values.slice(-half)];
  const means = halves.map(mean);
  const scatter = mean(halves.flatMap((list, k) => list.map(value => Math.abs(value - means[k]))));
  return means[1] - means[0] > 2 * scatter;
}

/** The epoch with the lowest validation loss if training loss went on falling after it, else 0. */
function gainsNothingFrom({ train_loss: train = [], validation_loss: validation = [] }) {
  const lowest = validation.indexOf(Math.min(...validation));
  return validation.length - lowest > 2 && train.at(-1) < train[lowest] ? lowest + 1 : 0;
}

/** What was asked for, if the run does not show yet that Python has done it. */
function waitsFor(asked, run) {
  const isOpen = asked && run.number === asked.number && (asked.type === "start" || run.state === asked.state);
  return isOpen ? asked : null;
}

/** @param {any} run @param {any[]} earlier @param {boolean} can @param {number} images for validation */
function stateOf(run, earlier, can, images) {
  if (!run.state) return "Press Start to train.";
  const done = run.train_loss.length;
  if (can && run.state !== "ended") {
    if (run.state === "ending" || run.state === "waiting") return STATES[run.state];
    if (!run.steps) return "Preparing …";
    const at = `${STATES[run.state]}: step ${run.step} of ${run.steps}`;
    if (isHigh(run)) return `${at}. The loss is off the chart: this learning rate is too high. Press Stop.`;
    return `${at}, ${done} of ${run.epochs} epochs complete.${resultOf(run, earlier, images)}`;
  }
  const after = `after ${epochsOf(done, "complete ")}.`;
  const ended = run.step < run.steps ? `Stopped at step ${run.step} of ${run.steps}, ${after}` : `Ended ${after}`;
  const highest = show(Math.max(...ratesOf(run)), 6);
  const high = `A learning rate of ${highest} is too high: its steps overshoot. Start with a smaller one.`;
  if (isHigh(run)) return `${ended} The loss left the chart. ${high}`;
  return `${ended}${resultOf(run, earlier, images)}`;
}

/** The validation accuracy so far, compared with that of the best other run after as many epochs. Two runs that do as
    well differ by less than `chance` in 95 of 100 cases or more: they were measured on the same images. */
function resultOf(run, earlier, images) {
  const at = one => one.validation_accuracy[run.validation_accuracy.length - 1];
  if (!Number.isFinite(at(run))) return "";
  const others = earlier.filter(one => Number.isFinite(at(one))).sort((a, b) => at(b) - at(a));
  const more = others.length && at(run) - at(others[0]);
  const chance = 1.96 * Math.sqrt((2 * at(run) * (1 - at(run))) / images);
  const points = `${fixed(100 * Math.abs(more), 1)} points ${more > 0 ? "above" : "below"}`;
  const effect = Math.abs(more) < chance ? "no clear difference from" : points;
  const than = others.length ? `, ${effect} ${nameOf(others[0])}${settingsOf(others[0], run)} at the same epoch` : "";
  return ` ${percent(at(run), 1)} validation accuracy${than}.`;
}

const epochsOf = (count, kind = "") => `${count} ${kind}${count === 1 ? "epoch" : "epochs"}`;

/** What another run had that this one has not: " (batch size 16)". */
function settingsOf(other, run) {
  const all = [["learning rate", rateOf], ["batch size", one => one.batch_size]];
  const parts = all.filter(([, of]) => of(other) !== of(run)).map(([name, of]) => `${name} ${of(other)}`);
  return parts.length ? ` (${parts.join(", ")})` : "";
}

/** Whether the loss is far above that of chance. */
const isHigh = ({ points = [] }) => smooth(points.slice(-WINDOW).map(point => [0, point[2]])).at(-1)?.[1] > TOP;

/** The stop of a slider that is nearest by ratio. */
function nearest(stops, value) {
  const far = stop => Math.abs(Math.log(stop / value));
  return stops.reduce((a, b) => (far(b) < far(a) ? b : a));
}

/** The first epochs of a recorded run, and how many it has. */
function cut(run, epochs) {
  const part = value => (Array.isArray(value) ? value.slice(0, epochs) : value);
  const parts = Object.fromEntries(Object.entries(run).map(([name, value]) => [name, part(value)]));
  return { ...parts, whole: run.train_loss.length };
}

/** A running mean of the losses, because that of a single batch is noisy. */
function smooth(points) {
  return points.map(([x], k) => {
    const last = points.slice(Math.max(0, k + 1 - WINDOW), k + 1);
    return [x, last.reduce((sum, point) => sum + point[1], 0) / last.length];
  });
}

/** The learning rates that a run had, one after the other. */
function ratesOf(run) {
  const rates = run.points.map(point => point[3]).filter((value, k, all) => value !== all[k - 1]);
  return rates.length ? rates : [run.learning_rate];
}

function rateOf(run) {
  const rates = ratesOf(run).map(value => show(value, 6));
  return (rates.length > 3 ? [rates[0], "…", rates.at(-1)] : rates).join(" → ");
}

const capital = text => text[0].toUpperCase() + text.slice(1);
const idOf = run => String(run.number ?? run.label ?? "recorded");

/** Names of earlier runs in the charts: by their learning rates or batch sizes if all differ, else by their numbers. */
function labelsOf(runs) {
  const isPlain = runs.every(one => ratesOf(one).length === 1);
  const differ = values => isPlain && new Set(values).size === runs.length;
  const rates = runs.map(one => show(ratesOf(one)[0], 6));
  const sizes = runs.map(one => one.batch_size);
  if (differ(rates)) return rates.map(rate => (runs.length > 1 ? { name: `rate ${rate}`, end: rate } : { name: `rate ${rate}` }));
  if (differ(sizes)) return sizes.map(size => ({ name: `batch ${size}` }));
  return runs.map(one => ({ name: nameOf(one) }));
}

const nameOf = run => (run.number ? `run ${run.number}` : "recorded");

/** When a run had its last point within so many epochs. */
function lastSecond(run, epochs) {
  const whole = run.seconds[Math.min(epochs, run.seconds.length) - 1] ?? 0;
  return run.seconds.length < epochs ? Math.max(whole, run.points.at(-1)?.[1] ?? 0) : whole;
}

/** The ends of the loss axis: halves around the values of the healthy runs, so that they fill it. */
function lossEnds(runs) {
  const healthy = runs.filter(run => !run.problem && !isHigh(run));
  const values = healthy.flatMap(run => [...run.validation_loss, ...run.train_loss, ...run.points.map(point => point[2])]);
  const known = values.filter(Number.isFinite);
  const low = Math.floor(2 * Math.min(2, ...known)) / 2;
  return [low, Math.min(TOP, Math.ceil(2 * Math.max(2.5, ...known)) / 2)];
}

/** The ends of the accuracy axis: tenths around the values. */
function accuracyEnds(runs) {
  const values = runs.flatMap(run => [...run.train_accuracy, ...run.validation_accuracy]).filter(Number.isFinite);
  return [Math.floor(10 * Math.min(0.4, ...values)) / 10, Math.ceil(10 * Math.max(0.6, ...values)) / 10];
}
