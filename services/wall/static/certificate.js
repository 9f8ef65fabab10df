// Says whether the figures were compared with the history. Pure: (certificate, server's clock) ->
// what to show.

import { localParts, minuteOf, whole } from "./format.js";
import { VI } from "./words.js";

/** {state, sign, text}; a difference is an alarm for as long as nothing newer says otherwise. */
export function comparison(certificate, nowMs, words = VI) {
  // of no unit at all: the history had nothing yet
  if (certificate === null || (certificate.state === "equal" && certificate.units === 0)) {
    return says("never", "quiet", words.neverCompared);
  }
  const atMs = Date.parse(certificate.compared_at);
  const { state, units, units_compared, units_differing, history_behind } = certificate;
  if (state === "differs") {
    const at = nowMs === null ? localParts(atMs).minute : minuteOf(atMs, nowMs, words);
    return says("differs", "missed", `${words.differs} ${whole(units_differing, words)} ${words.units} · ${at}`);
  }
  if (isStale(certificate, atMs, nowMs)) {
    return says("stale", "warning", `${words.notComparedSince} ${minuteOf(atMs, nowMs, words)}`);
  }
  const equal = `${words.equal} ${whole(units_compared, words)}/${whole(units, words)} ${words.units}`;
  if (state === "equal") {
    return says("equal", "met", `${words.compared} ${localParts(atMs).second} · ${equal}`);
  }
  if (history_behind > 0) {
    return says(
      "waiting",
      "quiet",
      `${words.notCompared} ${whole(history_behind, words)} ${words.records}`,
    );
  }
  return says("waiting", "quiet", `${words.comparing} · ${equal}`);
}

function isStale({ next_within_s: promised }, atMs, nowMs) {
  return promised !== null && nowMs !== null && nowMs - atMs > promised * 1000;
}

function says(state, sign, text) {
  return { state, sign, text };
}
