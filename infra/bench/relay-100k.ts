/** `npm run bench -- relay-100k`: a chat completion with a prompt of 100 KB, against nginx and Portkey. */
import { compareOverProviders } from "./parts/compare.ts";

await compareOverProviders({
  title: "relay-100k: 100 KB prompt, 600 bytes back, key without budget, audit and request log on",
  bodyBytes: 100_000,
  goals: (gateway, nginx) => [
    { what: "gateway ÷ nginx", value: gateway / nginx, unit: "", is: "≥", toReach: 0.3, stretch: 0.6 },
  ],
});
