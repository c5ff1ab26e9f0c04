-- What a command's work hands to the statement that records it, within one transaction and without a way back to the server:
-- the fields that its audit entry and its events tell.

-- NULL: the work refused.
CREATE FUNCTION app.set_command_result(result jsonb) RETURNS void
  LANGUAGE sql VOLATILE
AS $$ SELECT set_config('app.result', coalesce(result::text, 'REFUSED'), true) $$;

-- Raises when the work refused: what it wrote is then rolled back, and nothing is recorded.
CREATE FUNCTION app.take_command_result() RETURNS jsonb
  LANGUAGE plpgsql STABLE
AS $$
DECLARE
  result text := coalesce(current_setting('app.result', true), '');
BEGIN
  IF result = 'REFUSED' THEN
    RAISE EXCEPTION 'the command refused its input' USING ERRCODE = 'BK003';
  END IF;
  RETURN CASE WHEN result = '' THEN '{}' ELSE result END::jsonb;
END
$$;
REVOKE ALL ON FUNCTION app.set_command_result(jsonb), app.take_command_result() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.set_command_result(jsonb), app.take_command_result() TO bulkhead_runtime;
