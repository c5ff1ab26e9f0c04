-- How often one person is written to, whichever tenants ask for it.

-- Of the last day: a hash of the address, and nothing of what was sent or by which tenant. Behind no policy, since it is
-- about all tenants at once, and granted to nobody; asked by app.claim_mail.
CREATE TABLE app.mailed_recipients (
  recipient bytea NOT NULL,
  mail_id   uuid NOT NULL,
  mailed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (recipient, mail_id)
);
CREATE INDEX mailed_recipients_mailed_at_idx ON app.mailed_recipients (mailed_at);

-- Whether the mail may go to the address now: one address is sent 5 mails a day, over all tenants, and the same mail again
-- is no further one. For the system's own work alone, so that no tenant's request learns what others sent. What is older
-- than a day is deleted on the way.
CREATE FUNCTION app.claim_mail(address text, mail uuid) RETURNS boolean
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  mails_per_day_max constant integer := 5;
  -- What stands behind a plus reaches the same person.
  mailbox constant text := regexp_replace(app.normalize_email(address), '\+[^@]*@', '@');
  hash constant bytea := sha256(convert_to(mailbox, 'UTF8'));
BEGIN
  PERFORM app.tenant_id();
  PERFORM app.may_write('{system}');
  -- Two at once would both see room for one.
  PERFORM pg_advisory_xact_lock(hashtextextended(mailbox, 1));
  DELETE FROM app.mailed_recipients r WHERE r.ctid = ANY (ARRAY(
    SELECT o.ctid FROM app.mailed_recipients o WHERE o.mailed_at <= now() - interval '1 day'
    ORDER BY o.mailed_at LIMIT 100 FOR UPDATE SKIP LOCKED));
  IF EXISTS (SELECT FROM app.mailed_recipients r WHERE r.recipient = hash AND r.mail_id = mail) THEN
    RETURN true;
  END IF;
  IF (SELECT count(*) FROM app.mailed_recipients r
      WHERE r.recipient = hash AND r.mailed_at > now() - interval '1 day') >= mails_per_day_max THEN
    RETURN false;
  END IF;
  INSERT INTO app.mailed_recipients (recipient, mail_id) VALUES (hash, mail);
  RETURN true;
END
$$;
REVOKE ALL ON FUNCTION app.claim_mail(text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.claim_mail(text, uuid) TO bulkhead_runtime;
