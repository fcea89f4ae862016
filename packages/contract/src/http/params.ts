import * as z from 'zod';
import {
  ApprovalId,
  EnrolmentId,
  EnvelopeId,
  Hash,
  InvitationId,
  JobId,
  Label,
  Organisation,
  PromptId,
} from '../ids.js';
import { decimal, Version } from '../numbers.js';

// What the braces in a path stand for.
export const inOrganisation = z.strictObject({ org: Organisation });
export const inRoot = z.strictObject({ org: Organisation, n: decimal(Version) });
export const inPrompt = z.strictObject({ id: PromptId });
export const inVersion = z.strictObject({ id: PromptId, n: decimal(Version) });
export const inLabel = z.strictObject({ id: PromptId, label: Label });
export const inGrant = z.strictObject({ id: PromptId, whash: Hash });
export const inUnfitGrant = z.strictObject({ whash: Hash });
export const inEnvelope = z.strictObject({ jti: EnvelopeId });
export const inInvitation = z.strictObject({ id: InvitationId });
export const inEnrolment = z.strictObject({ id: EnrolmentId });
export const inJob = z.strictObject({ id: JobId });
export const inApproval = z.strictObject({ id: ApprovalId });
