/** What a trace and a heartbeat say that this is. */
export const SOFTWARE = { name: "claviger-gateway", version: "0.1.0" } as const;
