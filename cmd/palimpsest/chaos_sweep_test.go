package main

import (
	"context"
	"time"

	"palimpsest.dev/ingest"
	"palimpsest.dev/store/blob"
)

const (
	// stormAge is how long an object must be unnamed before the sweeps of a storm take it: longer than any job of the
	// load holds what its commit will name, outages and freezes together.
	stormAge = 5 * time.Minute
	// sweepEvery is the time between two sweeps of a storm, sweepTime the time one may take.
	sweepEvery = time.Second
	sweepTime  = 20 * time.Second
)

// sweep sweeps the side's objects again and again, while the servers it needs are killed under it, by a clock that is as
// far ahead as makes stormAge of the sweep's least age. What it takes by mistake is missed by the digest and the audit.
func (d *driver) sweep(ctx context.Context) {
	var ended, cut, removed int
	for ctx.Err() == nil {
		swept, err := d.sweepOnce(ctx)
		removed += swept.Removed
		if err == nil {
			ended++
		} else if ctx.Err() == nil {
			cut++
		}
		select {
		case <-ctx.Done():
		case <-time.After(sweepEvery):
		}
	}
	d.t.Logf("%d sweeps went to their end during the storm, %d were cut short; %d objects that nothing named were removed", ended, cut, removed)
	if ended == 0 {
		d.t.Error("no sweep went to its end during the storm")
	}
}

func (d *driver) sweepOnce(ctx context.Context) (blob.Swept, error) {
	timed, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	b, err := openSideAhead(timed, d.w.pg.Database(storm), d.w.s3.Config(), storm, ingest.DefaultSweepAge-stormAge)
	if err != nil {
		return blob.Swept{}, err
	}
	defer b.Close()
	return b.blobs.Sweep(timed, b.store.Named, ingest.DefaultSweepAge)
}
