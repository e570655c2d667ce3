/** Reservations of whoever has no budget. A key with one finds at the last look that it is not covered. */
import type { Reservation, Reserve } from "../rooms.ts";

const NOTHING = {
  budgets: [],
  journaled: false,
  output: undefined,
  settle: () => undefined,
  release: () => undefined,
};

export const holdNothing: Reserve = () => NOTHING as unknown as Reservation;
