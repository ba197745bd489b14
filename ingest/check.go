package ingest

import (
	"fmt"
	"maps"

	"palimpsest.dev/task"
)

// Options checks the options given for a task and fills in the defaults of the
// others, so that a run's stored options say everything and a spelling mistake
// is an answer and not a silence. The error wraps task.ErrInvalid.
func Options(info task.Info, given map[string]string) (map[string]string, error) {
	if err := info.CheckOptions(given); err != nil {
		return nil, err
	}
	all := make(map[string]string, len(info.Options))
	for _, o := range info.Options {
		all[o.Name] = o.Default
	}
	maps.Copy(all, given)
	return all, nil
}

// checkAsks refuses a plan that is out of bounds before any pixel is cut.
func checkAsks(info task.Info, pg Page, asks []task.Ask) error {
	if err := info.CheckAsks(pg.Page, asks); err != nil {
		return nonsense(info, pg.Number, err)
	}
	return nil
}

// checkReading refuses records the store could not keep or a person could not
// trust: of undeclared relations, without a place, with a made-up confidence.
func checkReading(info task.Info, pg Page, round int, r task.Reading) error {
	if err := info.CheckReading(pg.Page, round, r); err != nil {
		return nonsense(info, pg.Number, err)
	}
	return nil
}

// checkWhole bounds what all rounds of a page gave together.
func checkWhole(info task.Info, page int, o *Outcome) error {
	if len(o.Records) > task.MaxRecords {
		return nonsense(info, page, fmt.Errorf("%d records, at most %d are taken", len(o.Records), task.MaxRecords))
	}
	var total int64
	names := map[string]bool{}
	for _, a := range o.Artifacts {
		if names[a.Name] {
			return nonsense(info, page, fmt.Errorf("two artifacts named %s", a.Name))
		}
		names[a.Name] = true
		total += int64(len(a.Content))
	}
	if total > maxArtifactBytes {
		return nonsense(info, page, fmt.Errorf("artifacts of %d bytes, at most %d are taken", total, maxArtifactBytes))
	}
	return nil
}

// nonsense says that a task broke its contract.
func nonsense(info task.Info, page int, err error) error {
	return fmt.Errorf("task %s, page %d: %w: %w", info.Name, page, task.ErrNonsense, err)
}
