/** Money as the API writes it: a decimal string of US dollars, exact to the nano-dollar. */
import * as z from "zod";
import { nanosOf } from "../money/cost.ts";

export const BudgetPeriod = z.enum(["total", "daily", "weekly", "monthly"]);
export type BudgetPeriod = z.infer<typeof BudgetPeriod>;

const NANOS_MAX = 9_000_000n * 1_000_000_000n;

/** Reads `"12.50"`; undefined for anything but a plain decimal of at most 9 decimals and 9·10⁶ USD. */
export function readUsd(text: string): bigint | undefined {
  const nanos = nanosOf(text);
  return nanos !== undefined && nanos <= NANOS_MAX ? nanos : undefined;
}

/** `"0"` means nothing may be spent. Kept as it was given; `readUsd` says what it means. */
export const Usd = z
  .string()
  .refine(
    (text) => readUsd(text) !== undefined,
    'must be a decimal string such as "25.00": not negative, at most 9000000, at most 9 decimals',
  );

/** Ascending whole percentages from 1 to 100. */
export const Thresholds = z
  .array(z.int().min(1, "must be at least 1").max(100, "must not exceed 100"))
  .max(20, "must not have more than 20 entries")
  .refine((list) => list.every((value, i) => i === 0 || value > (list[i - 1] ?? 0)), "must be ascending");

/** The three attributes of a budget, as every noun that has one takes them. */
export const budgetAttributes = {
  budgetUsd: Usd.nullable().optional(),
  budgetPeriod: BudgetPeriod.nullable().optional(),
  budgetAlertThresholds: Thresholds.nullable().optional(),
};

/** The three attributes, read. */
export interface BudgetInput {
  readonly budgetUsd?: string | null | undefined;
  readonly budgetPeriod?: BudgetPeriod | null | undefined;
  readonly budgetAlertThresholds?: number[] | null | undefined;
}

/** The three attributes, as answers show them. */
export interface BudgetView {
  readonly budgetUsd: string | null;
  readonly budgetPeriod: BudgetPeriod | null;
  readonly budgetAlertThresholds: readonly number[] | null;
}

/** How a budget stands in the period that is in force: the figures by which requests are refused. */
export interface BudgetState {
  /** Settled, and what is held by lost gateways. */
  readonly spentUsd: string;
  /** Held by gateways, which may still spend it. */
  readonly heldUsd: string;
  /** When the next period begins, from nothing; null of a budget without periods. */
  readonly endsAt: string | null;
}
