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
ALTER TABLE "cp_cluster" ADD COLUMN "synchronous" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "gateway" ADD COLUMN "draining_since" timestamp with time zone;