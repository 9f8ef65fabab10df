// Wires everything: messages change the state, the state and the clock make the page.

import { help } from "./frame.js";
import { limitsFrom, serverNowMs } from "./freshness.js";
import { localParts, minuteOfDay } from "./format.js";
import { Link } from "./link.js";
import { html, place } from "./markup.js";
import { paused, startRotation, turned } from "./rotation.js";
import { screen } from "./screen.js";
import { settingsFrom, shiftAt, within } from "./settings.js";
import { EMPTY, reduce } from "./state.js";
import { load, save } from "./storage.js";

const GAP_RETRY_S = 5;
const POINTER_MS = 3000;
const search = location.search;
const parameters = new URLSearchParams(search);
const limits = limitsFrom(parameters);
const page = document.documentElement;
const build = page.dataset.build;
const element = (id) => document.getElementById(id);
const startedAt = seconds();
let settings = settingsFrom(parameters);
let rotation = startRotation(startedAt);
let state = EMPTY;
let reloading = false;
// somebody who scrolls a phone turns the pages alone
if (matchMedia("(max-width: 800px)").matches) rotation = { ...rotation, paused: true };

const link = new Link(search, receive, limits);
const kept = load(search, build);
if (kept) state = reduce(state, { type: "stored", data: kept }, startedAt);
const first = JSON.parse(element("first").textContent);
page.style.setProperty("--scale", settings.scale);
page.classList.toggle("traditional", settings.traditional);
page.classList.toggle("large", settings.large);
page.classList.toggle("huge", settings.huge);
if (first.snapshot) receive({ type: "snapshot", data: first.snapshot });
receive({ type: "certificate", data: first.certificate });
receive({ type: "beat", data: first.beat });
link.now = startedAt;
link.open(startedAt);
setInterval(tick, 1000);
addEventListener("pagehide", () => link.close());
addEventListener("pointermove", showPointer);
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
  draw();
});

function seconds() {
  return performance.now() / 1000;
}

const turn = (by) => () => {
  rotation = turned(rotation, by, seconds(), settings.every);
};

const KEYS = {
  ArrowRight: turn(1),
  ArrowLeft: turn(-1),
  " ": () => {
    rotation = paused(rotation, seconds(), settings.every);
  },
  t: () => {
    settings = { ...settings, theme: page.dataset.theme === "dark" ? "light" : "dark" };
  },
  l: () => {
    settings = { ...settings, language: settings.language === "vi" ? "en" : "vi" };
  },
  f: () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else page.requestFullscreen();
  },
  "?": () => {
    element("help").hidden = !element("help").hidden;
  },
  Escape: () => {
    element("help").hidden = true;
  },
};
for (const key of ["t", "l", "f"]) KEYS[key.toUpperCase()] = KEYS[key];

let pointerHides = 0;

/** The pointer of a wall is in the way; of somebody who points at something it is not. */
function showPointer() {
  clearTimeout(pointerHides);
  page.classList.add("pointing");
  pointerHides = setTimeout(() => page.classList.remove("pointing"), POINTER_MS);
}

function tick() {
  const at = seconds();
  link.tick(at);
  if (state.gap && at - link.polledAt > GAP_RETRY_S) link.fetch(at);
  const nowMs = serverNowMs(state, at);
  if (nowMs !== null && within(minuteOfDay(nowMs), settings.reload)) {
    reloadOnce("motcua.night", localParts(nowMs).date);
  }
  draw();
}

function receive(message) {
  const before = state;
  state = reduce(state, message, seconds());
  if (message.type === "beat") {
    restartWatchdog();
    if (message.data.build !== build) reloadOnce("motcua.reloaded", message.data.build);
    if (state.view !== null && state.figuresAtMs !== null) save(search, build, state);
  }
  if (state.gap && !before.gap) link.fetch(seconds());
  draw();
}

function draw() {
  const shown = screen(state, settings, rotation, seconds(), startedAt, limits);
  const { fresh, minute, main } = shown;
  page.lang = settings.language;
  page.dataset.freshness = fresh.state;
  page.dataset.compared = shown.compared.state;
  page.dataset.theme = shown.theme;
  page.classList.toggle("old", fresh.old);
  page.classList.toggle("band", fresh.band);
  page.classList.toggle("dim", shown.dim);
  page.classList.toggle("blank", shown.blank);
  page.classList.toggle("swapped", settings.swap && minute !== null && Math.floor(minute / 60) % 2 === 1);
  const [x, y] = settings.shift ? shiftAt(minute) : [0, 0];
  page.style.setProperty("--right", `${x}px`);
  page.style.setProperty("--down", `${y}px`);
  element("header").className = shown.crowded ? "crowded" : "";
  place(element("header"), shown.header);
  place(element("strip"), shown.strip);
  place(element("status"), shown.status);
  place(element("help"), help(shown.words));
  if (main) drawMain(main);
}

function drawMain({ page: name, markup, tiles, columns, rows }) {
  const box = element("main");
  box.dataset.page = name;
  if (!tiles) {
    place(box, markup);
    return;
  }
  box.style.setProperty("--columns", columns);
  box.style.setProperty("--tile-rows", rows);
  place(box, html`${tiles.map(({ key }) => html`<section id="tile-${key}"></section>`)}`);
  for (const { key, status, crowded, markup: inside } of tiles) {
    const tile = element(`tile-${key}`);
    const rateBefore = rateIn(tile);
    tile.className = `tile ${status}${crowded ? " crowded" : ""}`;
    place(tile, inside);
    if (rateBefore !== null && rateIn(tile) !== rateBefore) {
      tile.querySelector(".rate, .words").classList.add("changed");
    }
  }
}

function rateIn(tile) {
  const found = tile.querySelector(".rate, .words");
  return found && found.textContent;
}

/** A style's animation that ends in «?»: works even when this script no longer runs. */
function restartWatchdog() {
  page.style.setProperty("--lost-after", `${limits.beat_lost}s`);
  page.dataset.pulse = page.dataset.pulse === "a" ? "b" : "a";
}

/** Loads the page anew, once for each `reason`, and only when it can be loaded. */
async function reloadOnce(name, reason) {
  if (reloading || sessionStorage.getItem(name) === reason) return;
  reloading = true;
  try {
    const answer = await fetch(location.href, { method: "HEAD", cache: "no-store" });
    if (answer.status !== 200) return;
    sessionStorage.setItem(name, reason);
    location.reload();
  } catch {
    // gone again: the next beat asks again
  } finally {
    reloading = false;
  }
}
