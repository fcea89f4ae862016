import type { AppRequest, AppResponse } from '@bulla/client/apps';

/** What answers apps: `AppSurface` of `@bulla/client/apps`. It never throws, and a stream of it ends with an event. */
export interface Surface {
  answer(request: AppRequest): Promise<AppResponse>;
}

/** What is told at once. */
export interface WholeResponse extends AppResponse {
  readonly body: string;
}
