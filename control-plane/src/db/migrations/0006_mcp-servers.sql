CREATE TABLE "mcp_offer" (
	"server_id" text NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"definition" jsonb,
	"hash" text,
	"accepted_definition" jsonb,
	"accepted_hash" text,
	"rejected" boolean NOT NULL,
	"changed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "mcp_offer_server_id_kind_name_pk" PRIMARY KEY("server_id","kind","name")
);
--> statement-breakpoint
CREATE TABLE "mcp_server" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"name" text NOT NULL,
	"url" text NOT NULL,
	"project_ids" jsonb,
	"enabled" boolean NOT NULL,
	"new_offers" text NOT NULL,
	"secret_version" integer NOT NULL,
	"sealed" jsonb,
	"preview" text,
	"header_names" jsonb NOT NULL,
	"discovery" jsonb,
	"created_at" timestamp with time zone NOT NULL,
	"revision" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "api_key" ADD COLUMN "tool_calls_per_minute" integer;--> statement-breakpoint
ALTER TABLE "mcp_offer" ADD CONSTRAINT "mcp_offer_server_id_mcp_server_id_fk" FOREIGN KEY ("server_id") REFERENCES "public"."mcp_server"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "mcp_server_name" ON "mcp_server" USING btree ("org_id","name");