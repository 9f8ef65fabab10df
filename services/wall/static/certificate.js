// Says whether the figures were compared with the history. Pure: (certificate, server's clock) ->
// what to show.

import { localParts, minuteOf, whole } from "./format.js";
import { WORDS } from "./words.js";

/** {state, sign, text}; a difference is an alarm for as long as nothing newer says otherwise. */
export function comparison(certificate, nowMs) {
  if (certificate === null) return says("never", "quiet", WORDS.neverCompared);
  const atMs = Date.parse(certificate.compared_at);
  const { state, units, units_compared, units_differing, history_behind } = certificate;
  if (state === "differs") {
    const at = nowMs === null ? localParts(atMs).minute : minuteOf(atMs, nowMs);
    return says("differs", "missed", `${WORDS.differs} ${whole(units_differing)} ${WORDS.units} · ${at}`);
  }
  if (isStale(certificate, atMs, nowMs)) {
    return says("stale", "warning", `${WORDS.notComparedSince} ${minuteOf(atMs, nowMs)}`);
  }
  const equal = `${WORDS.equal} ${whole(units_compared)}/${whole(units)} ${WORDS.units}`;
  if (state === "equal") {
    return says("equal", "met", `${WORDS.compared} ${localParts(atMs).second} · ${equal}`);
  }
  if (history_behind > 0) {
    return says(
      "waiting",
      "quiet",
      `${WORDS.notCompared} ${whole(history_behind)} ${WORDS.records}`,
    );
  }
  return says("waiting", "quiet", `${WORDS.comparing} · ${equal}`);
}

function isStale({ next_within_s: promised }, atMs, nowMs) {
  return promised !== null && nowMs !== null && nowMs - atMs > promised * 1000;
}

function says(state, sign, text) {
  return { state, sign, text };
}
