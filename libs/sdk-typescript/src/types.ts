// From an entry of the table to the type of its method: the operation is found in the document's types by method and path.

import type { components, paths } from './generated/schema.js';
import type { CallOptions } from './http.js';

/** Everything that the API takes and answers, by the names in the OpenAPI document. */
export type Schemas = components['schemas'];

/** An entry without its marks. */
type Bare<E extends string> = E extends `public ${infer R}` | `url ${infer R}` | `${infer R}?` | `${infer R} {}` | `${infer R} form` ? Bare<R> : E;

type Operation<E extends string> = Bare<E> extends `${infer M} ${infer P}`
  ? P extends keyof paths
    ? Lowercase<M> extends infer L extends keyof paths[P] ? paths[P][L] : never
    : never
  : never;

/** What editors call a path's parameters. */
interface Names {
  org_slug: [slug: string];
  service_slug: [serviceSlug: string];
  org_id: [orgId: string];
  user_id: [userId: string];
  end_user_id: [userId: string];
  webhook_id: [webhookId: string];
  delivery_id: [deliveryId: string];
  oauth_provider: [provider: string];
  billing_provider: [provider: string];
}
type Named<N extends string> = N extends keyof Names ? Names[N] : [id: string];
type PathArgs<P extends string> = P extends `${string}{${infer N}}${infer R}` ? [...Named<N>, ...PathArgs<R>] : [];

type BodyArgs<O> = O extends { requestBody: { content: infer C } } ? [body: C[keyof C]] : O extends { requestBody?: infer B } ? OptionalBody<B> : [];
type OptionalBody<B> = [B] extends [undefined] ? [] : NonNullable<B> extends { content: infer C } ? [body?: C[keyof C]] : [];

type QueryArgs<O> = O extends { parameters: { query: infer Q } } ? [query: Nullable<Q>] : O extends { parameters: { query?: infer Q } } ? OptionalQuery<Q> : [];
type OptionalQuery<Q> = [Q] extends [undefined] ? [] : [query?: Nullable<NonNullable<Q>>];
/** What is null or undefined is left out. */
type Nullable<Q> = { [K in keyof Q]: Q[K] | null | undefined };

type Headers<O> = O extends { parameters: { header?: infer H } } ? ([H] extends [undefined] ? never : keyof NonNullable<H>) : never;
type OptionsOf<O> = CallOptions
  & ('Idempotency-Key' extends Headers<O> ? { idempotencyKey?: string | undefined } : unknown)
  & ('If-Match' extends Headers<O> ? { ifMatch?: string | undefined } : unknown);

type Answer<O> = O extends { responses: infer R } ? Content<R[keyof R & (200 | 201 | 202 | 204)]> : never;
type Content<A> = A extends { content: { 'application/json': infer J } } ? Plain<J> : A extends { content: unknown } ? string : void;
/** The contract's `null` says nothing. */
type Plain<J> = null extends J ? (J extends string | null ? void : J) : J;

type Method<E extends string> = [Operation<E>] extends [never]
  ? never
  : E extends `url ${string}`
    ? (...args: [...PathArgs<Bare<E>>, ...QueryArgs<Operation<E>>]) => string
    : (...args: [...PathArgs<Bare<E>>, ...BodyArgs<Operation<E>>, ...QueryArgs<Operation<E>>, options?: OptionsOf<Operation<E>>]) => Promise<Answer<Operation<E>>>;

/** A table's methods. */
export type Methods<T> = { readonly [K in keyof T]: T[K] extends string ? Method<T[K]> : Methods<T[K]> };

/** Methods, with some of them made otherwise. */
export type Overlay<T, O> = T extends (...args: never[]) => unknown ? O : { readonly [K in keyof T]: K extends keyof O ? Overlay<T[K], O[K]> : T[K] };
