CREATE TABLE "key_network" (
	"key_id" text NOT NULL,
	"network" text NOT NULL,
	"org_id" text NOT NULL,
	"first_at" timestamp with time zone NOT NULL,
	CONSTRAINT "key_network_key_id_network_pk" PRIMARY KEY("key_id","network")
);
--> statement-breakpoint
CREATE TABLE "network_cursor" (
	"replica_id" text PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "notification_channel" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"target" text,
	"recipients" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"wrapped" "bytea",
	"enabled" boolean DEFAULT true NOT NULL,
	"kinds" jsonb,
	"created_at" timestamp with time zone NOT NULL,
	"revision" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "notification_delivery" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"notification_id" text NOT NULL,
	"channel_id" text NOT NULL,
	"status" text NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp with time zone,
	"answer" text,
	"created_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "notification_rules" (
	"org_id" text PRIMARY KEY NOT NULL,
	"rules" jsonb NOT NULL,
	"revision" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "notification_seen" (
	"member_id" text PRIMARY KEY NOT NULL,
	"seen_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "notification" (
	"id" text PRIMARY KEY NOT NULL,
	"org_id" text NOT NULL,
	"kind" text NOT NULL,
	"occasion" text NOT NULL,
	"title" text NOT NULL,
	"text" text NOT NULL,
	"data" jsonb NOT NULL,
	"at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX "notification_channel_org" ON "notification_channel" USING btree ("org_id","created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "notification_delivery_once" ON "notification_delivery" USING btree ("notification_id","channel_id");--> statement-breakpoint
CREATE INDEX "notification_delivery_org" ON "notification_delivery" USING btree ("org_id","created_at");--> statement-breakpoint
CREATE INDEX "notification_delivery_due" ON "notification_delivery" USING btree ("next_attempt_at") WHERE status = 'pending';--> statement-breakpoint
CREATE UNIQUE INDEX "notification_occasion" ON "notification" USING btree ("org_id","occasion");--> statement-breakpoint
CREATE INDEX "notification_org_at" ON "notification" USING btree ("org_id","at");