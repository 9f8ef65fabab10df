// Wires everything: messages change the state, the state and the clock make the page.

import { comparison } from "./certificate.js";
import { footer, header } from "./frame.js";
import { freshness, limitsFrom, serverNowMs } from "./freshness.js";
import { Link } from "./link.js";
import { html, place } from "./markup.js";
import { columnsFor, tiles } from "./overview.js";
import { EMPTY, reduce } from "./state.js";
import { load, save } from "./storage.js";

const GAP_RETRY_S = 5;
const POINTER_MS = 3000;
const search = location.search;
const limits = limitsFrom(new URLSearchParams(search));
const build = document.documentElement.dataset.build;
const startedAt = seconds();
let state = EMPTY;

const link = new Link(search, receive, limits);
const kept = load(search);
if (kept) state = reduce(state, { type: "stored", data: kept }, startedAt);
const first = JSON.parse(document.getElementById("first").textContent);
if (first.snapshot) receive({ type: "snapshot", data: first.snapshot });
receive({ type: "certificate", data: first.certificate });
receive({ type: "beat", data: first.beat });
link.now = startedAt;
link.open(startedAt);
setInterval(tick, 1000);
addEventListener("pagehide", () => link.close());
addEventListener("pointermove", showPointer);

function seconds() {
  return performance.now() / 1000;
}

let pointerHides = 0;

/** The pointer of a wall is in the way; of somebody who points at something it is not. */
function showPointer() {
  clearTimeout(pointerHides);
  document.documentElement.classList.add("pointing");
  pointerHides = setTimeout(
    () => document.documentElement.classList.remove("pointing"),
    POINTER_MS,
  );
}

function tick() {
  const at = seconds();
  link.tick(at);
  if (state.gap && at - link.polledAt > GAP_RETRY_S) link.fetch(at);
  draw();
}

function receive(message) {
  const before = state;
  state = reduce(state, message, seconds());
  if (message.type === "beat") {
    restartWatchdog();
    if (message.data.build !== build) reloadOnce(message.data.build);
    if (state.view !== null && state.figuresAtMs !== null) save(search, state);
  }
  if (state.gap && !before.gap) link.fetch(seconds());
  draw();
}

function draw() {
  const at = seconds();
  const fresh = freshness(state, at, startedAt, limits);
  const page = document.documentElement;
  page.dataset.freshness = fresh.state;
  page.classList.toggle("old", fresh.old);
  page.classList.toggle("band", fresh.band);
  const lastEventAt = state.beat ? state.beat.last_event_at : null;
  const nowMs = serverNowMs(state, at);
  const compared = comparison(state.certificate, nowMs);
  page.dataset.compared = compared.state;
  place(document.getElementById("header"), header(state.view, nowMs));
  place(document.getElementById("footer"), footer(state.view, fresh, compared, lastEventAt));
  if (state.view) drawTiles(state.view);
}

function drawTiles(view) {
  const main = document.getElementById("main");
  const wanted = tiles(view);
  main.style.setProperty("--columns", columnsFor(view));
  place(main, html`${wanted.map(({ key }) => html`<section id="tile-${key}"></section>`)}`);
  for (const { key, status, crowded, markup } of wanted) {
    const tile = document.getElementById(`tile-${key}`);
    tile.className = `tile ${status}${crowded ? " crowded" : ""}`;
    place(tile, markup);
  }
}

/** A style's animation that ends in «?»: works even when this script no longer runs. */
function restartWatchdog() {
  const page = document.documentElement;
  page.style.setProperty("--lost-after", `${limits.beat_lost}s`);
  page.dataset.pulse = page.dataset.pulse === "a" ? "b" : "a";
}

/** Another build answers: load it, once, and only when it can be loaded. */
async function reloadOnce(other) {
  if (sessionStorage.getItem("motcua.reloaded") === other) return;
  try {
    const answer = await fetch(location.href, { method: "HEAD", cache: "no-store" });
    if (answer.status !== 200) return;
    sessionStorage.setItem("motcua.reloaded", other);
    location.reload();
  } catch {
    // gone again: the next beat asks again
  }
}
