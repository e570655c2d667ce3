CREATE UNLOGGED TABLE "rate_book" (
	"org_id" text NOT NULL,
	"key_id" text NOT NULL,
	"book" jsonb,
	"changed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "rate_book_org_id_key_id_pk" PRIMARY KEY("org_id","key_id")
);
