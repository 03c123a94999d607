/**
 * Import this where memories of 64-bit addresses are not there: it brings the interpreter for 32-bit ones.
 *
 * @module
 */
import { provideMemory32 } from "./image.ts";
import { module } from "./memory32.generated.ts";

provideMemory32(module());
