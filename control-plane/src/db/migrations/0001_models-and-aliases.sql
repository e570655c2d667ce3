CREATE TABLE "model_alias" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"project_id" text,
	"name" text NOT NULL,
	"targets" jsonb NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"revision" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "model_override" (
	"org_id" text NOT NULL,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"rev" bigint NOT NULL,
	"revision" text NOT NULL,
	CONSTRAINT "model_override_org_id_provider_model_pk" PRIMARY KEY("org_id","provider","model")
);
--> statement-breakpoint
CREATE TABLE "model_price" (
	"rev" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "model_price_rev_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"org_id" text,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"price" jsonb,
	"context_window" integer,
	"output_tokens_max" integer,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "model_alias" ADD CONSTRAINT "model_alias_project_id_project_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."project"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "model_override" ADD CONSTRAINT "model_override_rev_model_price_rev_fk" FOREIGN KEY ("rev") REFERENCES "public"."model_price"("rev") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "model_alias_name" ON "model_alias" USING btree ("org_id",coalesce("project_id", ''),"name");--> statement-breakpoint
CREATE INDEX "model_alias_project" ON "model_alias" USING btree ("project_id");--> statement-breakpoint
CREATE INDEX "model_price_model" ON "model_price" USING btree ("provider","model","org_id","rev");