/** So much work of one group at a time and no more, in the order in which it came. */

/** Returns a function that runs `work` as soon as fewer than `max` of its group are under way, and resolves as it does. */
export function createSlots(max: number): <T>(group: string, work: () => Promise<T>) => Promise<T> {
  const groups = new Map<string, { busy: number; waiting: (() => void)[] }>();
  return async (group, work) => {
    const slots = groups.get(group) ?? { busy: 0, waiting: [] };
    groups.set(group, slots);
    if (slots.busy < max) slots.busy += 1;
    // Whoever leaves hands the slot on.
    else await new Promise<void>((resolve) => slots.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = slots.waiting.shift();
      if (next !== undefined) next();
      else {
        slots.busy -= 1;
        if (slots.busy === 0) groups.delete(group);
      }
    }
  };
}
