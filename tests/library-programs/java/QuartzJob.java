// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Quartz: a job that a scheduler with its own threads starts every 50 milliseconds, for
// tests/libraries. Prints 1, 2 and so on, each after work whose result was right, and "wrong:
// REASON" otherwise.

import java.util.Properties;
import java.util.concurrent.atomic.AtomicInteger;
import org.quartz.Job;
import org.quartz.JobBuilder;
import org.quartz.JobExecutionContext;
import org.quartz.Scheduler;
import org.quartz.SimpleScheduleBuilder;
import org.quartz.TriggerBuilder;
import org.quartz.impl.StdSchedulerFactory;

public class QuartzJob implements Job {
    private static final AtomicInteger COUNT = new AtomicInteger();

    @Override
    public void execute(JobExecutionContext context) {
        System.out.println(COUNT.incrementAndGet());
    }

    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("org.quartz.threadPool.threadCount", "2");
        properties.setProperty("org.quartz.jobStore.class", "org.quartz.simpl.RAMJobStore");
        Scheduler scheduler = new StdSchedulerFactory(properties).getScheduler();
        SimpleScheduleBuilder often = SimpleScheduleBuilder.simpleSchedule()
                .withIntervalInMilliseconds(50).repeatForever()
                .withMisfireHandlingInstructionNextWithRemainingCount();
        scheduler.scheduleJob(JobBuilder.newJob(QuartzJob.class).build(),
                TriggerBuilder.newTrigger().withSchedule(often).build());
        scheduler.start();
    }
}
