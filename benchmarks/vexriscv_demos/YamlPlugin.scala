package vexriscv.plugin

import vexriscv.VexRiscv

/** Stands for VexRiscv's own, which writes a file for debuggers by a YAML library and adds no hardware. */
class YamlPlugin(path: String) extends Plugin[VexRiscv] {
  override def build(pipeline: VexRiscv): Unit = ()
}
