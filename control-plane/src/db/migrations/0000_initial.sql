CREATE TABLE "api_key" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"project_id" text NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"note" text,
	"owner_id" text NOT NULL,
	"preview" text NOT NULL,
	"generation" integer NOT NULL,
	"hashes" jsonb NOT NULL,
	"status" text NOT NULL,
	"expires_at" timestamp with time zone,
	"max_staleness_seconds" integer NOT NULL,
	"requests_per_minute" integer,
	"tokens_per_minute" integer,
	"max_concurrency" integer,
	"budget_id" text,
	"allowed_providers" jsonb,
	"allowed_models" jsonb,
	"ip_allowlist" jsonb,
	"gateway_ids" jsonb,
	"mcp" jsonb NOT NULL,
	"metadata" jsonb NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"revision" text NOT NULL,
	"status_revision" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "barrier_op" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"epoch" integer NOT NULL,
	"rev" bigint NOT NULL,
	"kind" text NOT NULL,
	"keys" jsonb NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"committed_at" timestamp with time zone NOT NULL,
	"done_at" timestamp with time zone,
	"result" jsonb
);
--> statement-breakpoint
CREATE TABLE "budget_demand" (
	"budget_id" text NOT NULL,
	"replica_id" text NOT NULL,
	"hold_n" bigint NOT NULL,
	"said_at" timestamp with time zone NOT NULL,
	CONSTRAINT "budget_demand_budget_id_replica_id_pk" PRIMARY KEY("budget_id","replica_id")
);
--> statement-breakpoint
CREATE TABLE "budget_period" (
	"budget_id" text NOT NULL,
	"start_ms" bigint NOT NULL,
	"end_ms" bigint,
	"org_id" text NOT NULL,
	"limit_n" bigint NOT NULL,
	"spent_n" bigint NOT NULL,
	"open_n" bigint NOT NULL,
	"shrinking" boolean NOT NULL,
	CONSTRAINT "budget_period_budget_id_start_ms_pk" PRIMARY KEY("budget_id","start_ms"),
	CONSTRAINT "budget_period_hard" CHECK ("budget_period"."spent_n" >= 0 and "budget_period"."open_n" >= 0 and ("budget_period"."spent_n" + "budget_period"."open_n" <= "budget_period"."limit_n" or "budget_period"."shrinking"))
);
--> statement-breakpoint
CREATE TABLE "budget" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"limit_n" bigint NOT NULL,
	"limit_usd" text NOT NULL,
	"period" text NOT NULL,
	"thresholds" jsonb
);
--> statement-breakpoint
CREATE TABLE "courier_nonce" (
	"nkey" text NOT NULL,
	"nonce" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "courier_nonce_nkey_nonce_pk" PRIMARY KEY("nkey","nonce")
);
--> statement-breakpoint
CREATE TABLE "cp_cluster" (
	"id" integer PRIMARY KEY NOT NULL,
	"epoch" integer NOT NULL,
	"system_id" text NOT NULL,
	"timeline" integer NOT NULL,
	"synchronous" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "cp_secret" (
	"name" text PRIMARY KEY NOT NULL,
	"wrapped" "bytea" NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "data_key" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"wrapped" "bytea" NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"retired_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "enrolment_token" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"gateway_id" text NOT NULL,
	"hash" text NOT NULL,
	"replicas" integer NOT NULL,
	"used" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ephemeral_token" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"key_id" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"revoked_revision" text
);
--> statement-breakpoint
CREATE TABLE "gateway" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"name" text NOT NULL,
	"region" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"draining_since" timestamp with time zone,
	"alarms" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"gone_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "idempotency" (
	"scope" text NOT NULL,
	"idem_key" text NOT NULL,
	"request_hash" text NOT NULL,
	"attempt" text NOT NULL,
	"lease_until" timestamp with time zone NOT NULL,
	"outcome" json,
	"status" integer,
	"body" json,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "idempotency_scope_idem_key_pk" PRIMARY KEY("scope","idem_key")
);
--> statement-breakpoint
CREATE TABLE "key_staleness" (
	"org_id" text NOT NULL,
	"key_id" text NOT NULL,
	"rev" bigint NOT NULL,
	"max_staleness_s" integer NOT NULL,
	CONSTRAINT "key_staleness_org_id_key_id_rev_pk" PRIMARY KEY("org_id","key_id","rev")
);
--> statement-breakpoint
CREATE TABLE "key_usage" (
	"org_id" text NOT NULL,
	"key_id" text NOT NULL,
	"requests" bigint DEFAULT 0 NOT NULL,
	"refused" bigint DEFAULT 0 NOT NULL,
	"input_tokens" bigint DEFAULT 0 NOT NULL,
	"output_tokens" bigint DEFAULT 0 NOT NULL,
	"spent_n" bigint DEFAULT 0 NOT NULL,
	"unpriced" bigint DEFAULT 0 NOT NULL,
	"last_used_at" timestamp with time zone,
	CONSTRAINT "key_usage_org_id_key_id_pk" PRIMARY KEY("org_id","key_id")
);
--> statement-breakpoint
CREATE TABLE "llm_key" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"project_id" text NOT NULL,
	"provider" text NOT NULL,
	"name" text NOT NULL,
	"preview" text NOT NULL,
	"base_url" text NOT NULL,
	"custom_models" jsonb NOT NULL,
	"with_default_models" boolean NOT NULL,
	"secret_version" integer NOT NULL,
	"sealed" jsonb NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"revision" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "member" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"email" text NOT NULL,
	"name" text NOT NULL,
	"role" text NOT NULL,
	"password_hash" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"revision" text NOT NULL,
	"deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "org_account" (
	"org_id" text PRIMARY KEY NOT NULL,
	"account" text NOT NULL,
	"account_seed" "bytea" NOT NULL,
	"signing_key" text NOT NULL,
	"signing_seed" "bytea" NOT NULL,
	"revocations" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"jwt" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "org_change" (
	"org_id" text NOT NULL,
	"epoch" integer NOT NULL,
	"rev" bigint NOT NULL,
	"restrictive" boolean NOT NULL,
	"chain" text NOT NULL,
	"jws" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"published_at" timestamp with time zone,
	CONSTRAINT "org_change_org_id_epoch_rev_pk" PRIMARY KEY("org_id","epoch","rev")
);
--> statement-breakpoint
CREATE TABLE "org_epoch" (
	"org_id" text NOT NULL,
	"epoch" integer NOT NULL,
	"rev" bigint NOT NULL,
	"chain" text NOT NULL,
	"why" text NOT NULL,
	"raised_at" timestamp with time zone NOT NULL,
	"survived_at" timestamp with time zone,
	"loss" text NOT NULL,
	CONSTRAINT "org_epoch_org_id_epoch_pk" PRIMARY KEY("org_id","epoch")
);
--> statement-breakpoint
CREATE TABLE "org_head" (
	"org_id" text PRIMARY KEY NOT NULL,
	"epoch" integer NOT NULL,
	"rev" bigint NOT NULL,
	"chain" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "org_record" (
	"org_id" text NOT NULL,
	"kind" text NOT NULL,
	"id" text NOT NULL,
	"rev" bigint NOT NULL,
	"record" jsonb NOT NULL,
	CONSTRAINT "org_record_org_id_kind_id_pk" PRIMARY KEY("org_id","kind","id")
);
--> statement-breakpoint
CREATE TABLE "organization" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"enabled" boolean DEFAULT true NOT NULL,
	"audit_policy" text DEFAULT 'strict' NOT NULL,
	"default_max_output_tokens" integer,
	"body_capture" boolean DEFAULT false NOT NULL,
	"budget_id" text,
	"created_at" timestamp with time zone NOT NULL,
	"revision" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "personal_access_token" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"member_id" text NOT NULL,
	"name" text NOT NULL,
	"token_hash" text NOT NULL,
	"preview" text NOT NULL,
	"role" text,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone,
	"last_used_at" timestamp with time zone,
	CONSTRAINT "personal_access_token_token_hash_unique" UNIQUE("token_hash")
);
--> statement-breakpoint
CREATE TABLE "project" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"name" text NOT NULL,
	"enabled" boolean NOT NULL,
	"budget_id" text,
	"created_at" timestamp with time zone NOT NULL,
	"revision" text NOT NULL,
	"deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "replica_cursor" (
	"replica_id" text PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "replica" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"gateway_id" text NOT NULL,
	"slot" text NOT NULL,
	"nkey" text NOT NULL,
	"seal_key" text NOT NULL,
	"public_url" text,
	"runtime" text NOT NULL,
	"enrolled_at" timestamp with time zone NOT NULL,
	"token_id" text NOT NULL,
	"epoch" integer DEFAULT 0 NOT NULL,
	"rev_applied" bigint DEFAULT 0 NOT NULL,
	"rev_effective" bigint DEFAULT 0 NOT NULL,
	"fresh_hi" timestamp with time zone,
	"last_seen" timestamp with time zone,
	"boot_id" text,
	"nack" jsonb,
	"bye" boolean DEFAULT false NOT NULL,
	"software" text,
	"inflight" integer DEFAULT 0 NOT NULL,
	"requests_per_second" double precision DEFAULT 0 NOT NULL,
	"clock_offset_ms" double precision,
	"clock_error_ms" double precision,
	"usage_next_seq" bigint DEFAULT 1 NOT NULL,
	"escrow_epoch" integer DEFAULT 0 NOT NULL,
	"audit_n" bigint DEFAULT 0 NOT NULL,
	"audit_head" text,
	"confirmations" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"nats_jwt_expires_at" timestamp with time zone,
	"gone_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "session" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"member_id" text NOT NULL,
	"token_hash" text NOT NULL,
	"user_agent" text,
	"peer" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"last_used_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "session_token_hash_unique" UNIQUE("token_hash")
);
--> statement-breakpoint
CREATE TABLE "sign_in_failure" (
	"subject" text NOT NULL,
	"at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "slice" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"budget_id" text NOT NULL,
	"start_ms" bigint NOT NULL,
	"replica_id" text NOT NULL,
	"boot" text NOT NULL,
	"req" text NOT NULL,
	"issued_n" bigint NOT NULL,
	"amount_n" bigint NOT NULL,
	"spent_n" bigint NOT NULL,
	"state" text NOT NULL,
	"recalled" boolean DEFAULT false NOT NULL,
	"jws" text NOT NULL,
	"changed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "slice_within" CHECK (0 <= "slice"."spent_n" and "slice"."spent_n" <= "slice"."amount_n" and "slice"."amount_n" <= "slice"."issued_n")
);
--> statement-breakpoint
CREATE TABLE "snapshot_page" (
	"org_id" text NOT NULL,
	"sha256" text NOT NULL,
	"body" text NOT NULL,
	"named_at" timestamp with time zone NOT NULL,
	CONSTRAINT "snapshot_page_org_id_sha256_pk" PRIMARY KEY("org_id","sha256")
);
--> statement-breakpoint
CREATE TABLE "snapshot" (
	"org_id" text PRIMARY KEY NOT NULL,
	"epoch" integer NOT NULL,
	"rev" bigint NOT NULL,
	"jws" text NOT NULL,
	"built_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "usage_dimension" (
	"id" uuid PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"key_id" text NOT NULL,
	"gateway_id" text NOT NULL,
	"project_id" text,
	"owner_id" text,
	"agent_id" text,
	"provider" text,
	"model" text,
	"code" text,
	"metadata" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "usage_event" (
	"replica_id" text NOT NULL,
	"seq" bigint NOT NULL,
	"org_id" text NOT NULL,
	"gateway_id" text NOT NULL,
	"key_id" text NOT NULL,
	"kind" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"cost_n" bigint,
	"dimension_id" uuid NOT NULL,
	"event" jsonb NOT NULL,
	CONSTRAINT "usage_event_replica_id_seq_pk" PRIMARY KEY("replica_id","seq")
);
--> statement-breakpoint
CREATE TABLE "usage_gap" (
	"replica_id" text NOT NULL,
	"from_seq" bigint NOT NULL,
	"to_seq" bigint NOT NULL,
	"org_id" text NOT NULL,
	"gateway_id" text NOT NULL,
	"noticed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "usage_gap_replica_id_from_seq_pk" PRIMARY KEY("replica_id","from_seq")
);
--> statement-breakpoint
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_project_id_project_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."project"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_owner_id_member_id_fk" FOREIGN KEY ("owner_id") REFERENCES "public"."member"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "budget" ADD CONSTRAINT "budget_org_id_organization_id_fk" FOREIGN KEY ("org_id") REFERENCES "public"."organization"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "llm_key" ADD CONSTRAINT "llm_key_project_id_project_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."project"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "member" ADD CONSTRAINT "member_org_id_organization_id_fk" FOREIGN KEY ("org_id") REFERENCES "public"."organization"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "personal_access_token" ADD CONSTRAINT "personal_access_token_member_id_member_id_fk" FOREIGN KEY ("member_id") REFERENCES "public"."member"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "project" ADD CONSTRAINT "project_org_id_organization_id_fk" FOREIGN KEY ("org_id") REFERENCES "public"."organization"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session" ADD CONSTRAINT "session_member_id_member_id_fk" FOREIGN KEY ("member_id") REFERENCES "public"."member"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "api_key_org" ON "api_key" USING btree ("org_id","created_at");--> statement-breakpoint
CREATE INDEX "api_key_project" ON "api_key" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "api_key_owner" ON "api_key" USING btree ("owner_id");--> statement-breakpoint
CREATE INDEX "api_key_agent_hashes" ON "api_key" USING gin (hashes jsonb_path_ops) WHERE kind = 'agent';--> statement-breakpoint
CREATE INDEX "barrier_op_open" ON "barrier_op" USING btree ("org_id","rev") WHERE done_at is null;--> statement-breakpoint
CREATE INDEX "budget_demand_said" ON "budget_demand" USING btree ("said_at");--> statement-breakpoint
CREATE INDEX "budget_org" ON "budget" USING btree ("org_id");--> statement-breakpoint
CREATE INDEX "courier_nonce_at" ON "courier_nonce" USING btree ("at");--> statement-breakpoint
CREATE INDEX "data_key_org" ON "data_key" USING btree ("org_id");--> statement-breakpoint
CREATE UNIQUE INDEX "enrolment_token_hash" ON "enrolment_token" USING btree ("hash");--> statement-breakpoint
CREATE INDEX "ephemeral_token_expires" ON "ephemeral_token" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "gateway_name" ON "gateway" USING btree ("org_id","name");--> statement-breakpoint
CREATE INDEX "idempotency_expires" ON "idempotency" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "llm_key_name" ON "llm_key" USING btree ("project_id","name");--> statement-breakpoint
CREATE INDEX "llm_key_org" ON "llm_key" USING btree ("org_id");--> statement-breakpoint
CREATE UNIQUE INDEX "member_email" ON "member" USING btree ("org_id","email");--> statement-breakpoint
CREATE INDEX "member_sign_in" ON "member" USING btree ("email");--> statement-breakpoint
CREATE UNIQUE INDEX "org_account_account" ON "org_account" USING btree ("account");--> statement-breakpoint
CREATE INDEX "org_change_unpublished" ON "org_change" USING btree ("created_at") WHERE published_at is null;--> statement-breakpoint
CREATE INDEX "personal_access_token_member" ON "personal_access_token" USING btree ("org_id","member_id");--> statement-breakpoint
CREATE INDEX "project_org" ON "project" USING btree ("org_id");--> statement-breakpoint
CREATE UNIQUE INDEX "replica_nkey" ON "replica" USING btree ("nkey");--> statement-breakpoint
CREATE INDEX "replica_org" ON "replica" USING btree ("org_id");--> statement-breakpoint
CREATE INDEX "replica_gateway" ON "replica" USING btree ("gateway_id");--> statement-breakpoint
CREATE INDEX "session_member" ON "session" USING btree ("org_id","member_id");--> statement-breakpoint
CREATE INDEX "sign_in_failure_subject" ON "sign_in_failure" USING btree ("subject","at");--> statement-breakpoint
CREATE INDEX "sign_in_failure_at" ON "sign_in_failure" USING btree ("at");--> statement-breakpoint
CREATE UNIQUE INDEX "slice_req" ON "slice" USING btree ("replica_id","req");--> statement-breakpoint
CREATE INDEX "slice_period" ON "slice" USING btree ("budget_id","start_ms") WHERE "slice"."state" <> 'closed';--> statement-breakpoint
CREATE INDEX "slice_replica" ON "slice" USING btree ("replica_id") WHERE "slice"."state" <> 'closed';--> statement-breakpoint
CREATE INDEX "slice_closed" ON "slice" USING btree ("changed_at") WHERE "slice"."state" = 'closed';--> statement-breakpoint
CREATE INDEX "snapshot_page_named" ON "snapshot_page" USING btree ("named_at");--> statement-breakpoint
CREATE INDEX "usage_dimension_org_key" ON "usage_dimension" USING btree ("org_id","key_id");--> statement-breakpoint
CREATE INDEX "usage_event_org_at" ON "usage_event" USING btree ("org_id","at");--> statement-breakpoint
CREATE INDEX "usage_event_key_at" ON "usage_event" USING btree ("org_id","key_id","at");