package live

import (
	"fmt"
	"strings"
	"time"
)

// A chart is who served the files of the last 15 minutes, as parts of all, one column
// a share. A time in which nothing was served has none.
type chart struct {
	Width, Height int
	Window        time.Duration // of the shares beside it
	Series        []series
}

// A series is one of the servers, and a path with a rectangle for each column.
type series struct {
	Name, Class, Path string
	Share             float64 // in the window
}

const (
	chartSpan   = 15 * time.Minute
	chartWidth  = 900 // a unit a second
	chartHeight = 100
)

func newChart(s *Status) chart {
	c := chart{Width: chartWidth, Height: chartHeight, Window: time.Duration(s.Window * float64(time.Second))}
	for i, t := range s.Tiers {
		c.Series = append(c.Series, series{Name: t.Name, Class: color(i), Share: t.Share})
	}
	for i, o := range s.Others {
		class := color(len(s.Tiers) + i)
		if o.Name == "none" {
			class = "cnone"
		}
		c.Series = append(c.Series, series{Name: o.Name, Class: class, Share: o.Share})
	}
	paths := make([]strings.Builder, len(c.Series))
	for _, share := range s.Shares {
		all := int64(0)
		for _, n := range share.Answers {
			all += n
		}
		x := chartWidth - s.Time.Sub(share.From).Seconds()
		width := min(share.Seconds, x+share.Seconds)
		x = max(x, 0)
		if all == 0 || width <= 0 {
			continue
		}
		gap := min(width/8, 2)
		below := 0.0
		for i := range c.Series {
			n := share.Answers[c.Series[i].Name]
			if n == 0 {
				continue
			}
			height := float64(n) / float64(all) * chartHeight
			fmt.Fprintf(&paths[i], "M%.1f %.2fh%.1fv%.2fh-%.1fz", x, chartHeight-below, width-gap, -height, width-gap)
			below += height
		}
	}
	for i := range paths {
		c.Series[i].Path = paths[i].String()
	}
	return c
}
