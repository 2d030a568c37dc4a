// An early-warning score as it is shown: its total or that it is incomplete, and what it asks for.

import { EarlyWarningBand, type EarlyWarningScore } from "../wire/rpm_service/v1/early_warning_pb";
import { scoreInputWords, words } from "../words";

/** The name of the metric that an alarm about the score speaks of. */
export const SCORE_METRIC = "NEWS2";

export interface ScoreShown {
  /** The total; "–" where there is none, and never a 0 in its place. */
  readonly text: string;
  /** A sign for what it asks for; empty where it asks for nothing. */
  readonly sign: string;
  /** What it asks for, in words; empty where that is nothing. */
  readonly asks: string;
  /** All of it in words. */
  readonly spoken: string;
}

const NOTHING = ["", () => ""] as const;
const BANDS: Record<EarlyWarningBand, readonly [sign: string, asks: () => string]> = {
  [EarlyWarningBand.UNSPECIFIED]: NOTHING,
  [EarlyWarningBand.LOW]: NOTHING,
  [EarlyWarningBand.LOW_MEDIUM]: ["△", () => words.scoreLowMedium],
  [EarlyWarningBand.MEDIUM]: ["▲", () => words.scoreMedium],
  [EarlyWarningBand.HIGH]: ["▲▲", () => words.scoreHigh],
};

export function scoreShown({ total, band, missing, subScores }: EarlyWarningScore): ScoreShown {
  const [sign, asks] = BANDS[band] ?? NOTHING;
  const whole = total === undefined ? words.scoreIncomplete : String(total);
  const without = missing.map(scoreInputWords).join(", ");
  const points = subScores
    .filter(({ score }) => score > 0)
    .map(({ input, score }) => `${scoreInputWords(input)} ${score}`)
    .join(", ");
  const spoken = [
    `${SCORE_METRIC} ${whole}`,
    asks(),
    points,
    without === "" ? "" : words.scoreWithout(without),
  ];
  return {
    text: total === undefined ? "–" : String(total),
    sign,
    asks: asks(),
    spoken: spoken.filter(Boolean).join("; "),
  };
}
