/** `npm run bench -- relay`: a chat completion of 1 KB through the whole gateway, against nginx and Portkey. */
import { compareOverProviders } from "./parts/compare.ts";

await compareOverProviders({
  title: "relay: 1 KB prompt, 600 bytes back, key without budget, audit and request log on",
  bodyBytes: 1000,
  goals: (gateway, nginx, portkey) => [
    { what: "gateway ÷ nginx", value: gateway / nginx, unit: "", is: "≥", toReach: 0.25, stretch: 0.45 },
    { what: "gateway ÷ Portkey", value: gateway / portkey, unit: "", is: "≥", toReach: 6, stretch: 15 },
  ],
});
