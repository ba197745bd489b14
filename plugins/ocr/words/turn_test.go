package words

import (
	"math"
	"testing"

	"palimpsest.dev/task"
)

func TestTurnOfNonsenseIsNone(t *testing.T) {
	t.Parallel()
	for _, m := range []task.Affine{{}, {math.NaN(), 0, 0, 1}, {-1, 0, 0, 0.1}, {math.Inf(1), 0, 0, 1}, {1, 0, 0, 1e-9}} {
		if turn := TurnOf(task.Page{}, task.Answer{ToPage: m}); !turn.Upright() {
			t.Errorf("%v is taken for a turn: %+v", m, turn)
		}
	}
}
