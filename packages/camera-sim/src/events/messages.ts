import type { AppChange } from '../apps/app-store.ts'
import { formatDateTime } from '../xml/time-values.ts'
import { type Xml, xml } from '../xml/writer.ts'
import type { StampedChange } from './subscription.ts'
import { topicDialects } from './topic-filter.ts'

const concreteSet = 'http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet'

/** A wsnt:NotificationMessage; Status is mandatory only when an error caused the change. */
export function writeNotification(change: StampedChange): Xml {
  const status = change.status === '' ? null : xml`<tt:SimpleItem Name="Status" Value="${change.status}"/>`
  return xml`
    <wsnt:NotificationMessage>
      <wsnt:Topic Dialect="${concreteSet}">tns1:AppMgmt/State</wsnt:Topic>
      <wsnt:Message>
        <tt:Message UtcTime="${formatDateTime(change.timeMs)}" PropertyOperation="${change.operation}">
          <tt:Source><tt:SimpleItem Name="AppID" Value="${change.appId}"/></tt:Source>
          <tt:Data><tt:SimpleItem Name="State" Value="${change.state}"/>${status}</tt:Data>
        </tt:Message>
      </wsnt:Message>
    </wsnt:NotificationMessage>`
}

/** The state of an app that is there, as new subscribers learn it. */
export function initialChange(app: { appId: string; state: AppChange['state']; status: string }): AppChange {
  return { appId: app.appId, state: app.state, status: app.status, operation: 'Initialized' }
}

/** GetEventProperties: the only place that says that this camera has the topic. */
export function writeEventProperties(): Xml {
  return xml`
    <tev:GetEventPropertiesResponse>
      <tev:TopicNamespaceLocation>http://www.onvif.org/onvif/ver10/topics/topicns.xml</tev:TopicNamespaceLocation>
      <wsnt:FixedTopicSet>true</wsnt:FixedTopicSet>
      <wstop:TopicSet>
        <tns1:AppMgmt>
          <State wstop:topic="true">
            <tt:MessageDescription IsProperty="true">
              <tt:Source><tt:SimpleItemDescription Name="AppID" Type="xs:string"/></tt:Source>
              <tt:Data>
                <tt:SimpleItemDescription Name="State" Type="ans:AppState"/>
                <tt:SimpleItemDescription Name="Status" Type="xs:string"/>
              </tt:Data>
            </tt:MessageDescription>
          </State>
        </tns1:AppMgmt>
      </wstop:TopicSet>
      ${topicDialects.map((dialect) => xml`<wsnt:TopicExpressionDialect>${dialect}</wsnt:TopicExpressionDialect>`)}
      <tev:MessageContentFilterDialect></tev:MessageContentFilterDialect>
      <tev:MessageContentSchemaLocation>http://www.onvif.org/onvif/ver10/schema/onvif.xsd</tev:MessageContentSchemaLocation>
    </tev:GetEventPropertiesResponse>`
}
