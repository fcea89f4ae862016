import { Module } from '@nestjs/common';
import { HeldKeysController } from './held-keys.controller.js';

/** The room of every service that says which of its own keys it holds. */
@Module({ controllers: [HeldKeysController] })
export class HeldKeysModule {}
