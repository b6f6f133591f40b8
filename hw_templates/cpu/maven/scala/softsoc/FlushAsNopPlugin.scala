package softsoc

import spinal.core._
import vexriscv._
import vexriscv.plugin.Plugin

/** Lets a core without data cache execute LiteX's "flush the data cache" (0x500F) as a nop instead of trapping. */
class FlushAsNopPlugin extends Plugin[VexRiscv] {
  override def setup(pipeline: VexRiscv): Unit =
    pipeline.service(classOf[DecoderService]).add(M"-------00000-----101-----0001111", Nil)

  override def build(pipeline: VexRiscv): Unit = {}
}
