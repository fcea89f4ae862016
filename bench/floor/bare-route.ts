import { Body, Controller, Get, Header, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AddressInfo } from 'node:net';
import { bareAnswers, type BareWork } from './bare-work.js';

// A program of its own: the same as bare.ts on the framework of the services, with an empty route. No guard, no
// interceptor, no schema. `node bare-route.js '{"signs":1,"verifies":2,"answerBytes":6000}'` prints its port.

const answer = bareAnswers(JSON.parse(process.argv[2] ?? '') as BareWork);

@Controller()
class EmptyController {
  @Post('*')
  @Header('content-type', 'application/json')
  answer(@Body() body: object): Promise<string> {
    return answer(Buffer.from(JSON.stringify(body)));
  }

  /** A new connection asks for health first. */
  @Get('*')
  health(): string {
    return '';
  }
}

@Module({ controllers: [EmptyController] })
class EmptyModule {}

const adapter = new FastifyAdapter({ keepAliveTimeout: 60_000 });
const app = await NestFactory.create<NestFastifyApplication>(EmptyModule, adapter, { logger: false });
await app.listen(0, '127.0.0.1');
process.stdout.write(`${(app.getHttpServer().address() as AddressInfo).port}\n`);
process.once('SIGTERM', () => process.exit(0));
