// The parts of ECharts that our charts use; what is not named here is left out of the bundle.
import { LineChart, ParallelChart, ScatterChart } from "echarts/charts";
import { GridComponent, MarkLineComponent, ParallelComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer, SVGRenderer } from "echarts/renderers";

use([CanvasRenderer, GridComponent, LineChart, MarkLineComponent, ParallelChart, ParallelComponent, ScatterChart, SVGRenderer]);
export { init };
