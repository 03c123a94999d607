/**
 * For hosts without memory64: import this before the first kernel is made.
 *
 * @module
 */
import { provideMemory32 } from "./image.ts";
import { module } from "./memory32.generated.ts";

provideMemory32(module());
